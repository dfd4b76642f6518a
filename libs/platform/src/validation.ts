import { StandardSchemaValidationPipe } from '@nestjs/common'
import type { InputError } from '@catamaran/contracts'
import { AppError } from './errors.js'

type Issue = { message: string; path?: readonly (PropertyKey | { key: PropertyKey })[] | undefined; code?: string; keys?: string[] }

const escape = (part: string): string => part.replaceAll('~', '~0').replaceAll('/', '~1')
const pointerOf = (path: Issue['path'] = []): string =>
  path.map((part) => `/${escape(String(typeof part === 'object' ? part.key : part))}`).join('')

/** How many faults an answer lists at most: one made of unknown fields would be ten times the size of its request. */
const MAX_LISTED = 50

/** One entry with a JSON pointer (RFC 6901) per fault that a schema found, the first 50; an unknown field is named itself. */
export const inputErrorsOf = (issues: readonly Issue[]): InputError[] =>
  issues
    .slice(0, MAX_LISTED)
    .flatMap((issue) =>
      issue.code === 'unrecognized_keys' && issue.keys !== undefined
        ? issue.keys
            .slice(0, MAX_LISTED)
            .map((key) => ({ pointer: `${pointerOf(issue.path)}/${escape(key)}`, detail: 'This field is not known here.' }))
        : [{ pointer: pointerOf(issue.path), detail: issue.message }],
    )
    .slice(0, MAX_LISTED)

/** Checks `@Body`, `@Query` and `@Param` against their schemas; what is wrong becomes `request.invalid` with every fault listed. */
export const validationPipe = (): StandardSchemaValidationPipe =>
  new StandardSchemaValidationPipe({ exceptionFactory: (issues) => new AppError('request.invalid', { errors: inputErrorsOf(issues) }) })
