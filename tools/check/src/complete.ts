import { STATUS_CODES } from 'node:http'
import { ERRORS, PROBLEM_CONTENT_TYPE, type ErrorCode } from '@catamaran/contracts'
import { exampleOf, type JsonSchema, type Schemas } from './examples.js'
import { errorsOf, type Facts } from './operation-errors.js'

interface Media {
  schema?: JsonSchema
  examples?: Record<string, unknown>
}
interface Answer {
  $ref?: string
  description?: string
  headers?: Record<string, unknown>
  content?: Record<string, Media>
}
export interface Described extends Omit<Facts, 'requestBody'> {
  requestBody?: { content?: Record<string, Media> }
  responses: Record<string, Answer>
}
export interface Document {
  paths: Record<string, Record<string, Described>>
  components: { schemas: Schemas; responses?: Record<string, Answer>; examples?: Record<string, unknown> }
}

const problemExample = (code: ErrorCode): object => {
  const { title, status, advice } = ERRORS[code]
  return {
    summary: title,
    value: { type: `/problems/${code}`, title, status, detail: advice, code, requestId: 'req_01k2m3n4p5q6r7s8t9v0w1x2y3' },
  }
}

/** The error answers of an operation: a status each, with its codes as named examples. */
const errorAnswers = (operation: Described, shared: Record<string, Answer>): Record<string, Answer> => {
  const byStatus = Map.groupBy(errorsOf(operation), (code) => String(ERRORS[code].status))
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => {
      const told = operation.responses[status]
      const { $ref: _reference, ...known } =
        told?.$ref === undefined ? (told ?? {}) : (shared[told.$ref.slice(told.$ref.lastIndexOf('/') + 1)] ?? {})
      const examples = Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }]))
      const content = { [PROBLEM_CONTENT_TYPE]: { schema: { $ref: '#/components/schemas/Problem' }, examples } }
      return [status, { ...known, description: known.description ?? STATUS_CODES[status] ?? '', content }]
    }),
  )
}

/** Gives JSON bodies and answers an example; those of a named schema are kept once. */
const withExamples = (content: Record<string, Media> | undefined, schemas: Schemas, made: Record<string, unknown>): void => {
  for (const [type, media] of Object.entries(content ?? {})) {
    if (media.schema === undefined || !/json$/.test(type) || media.examples !== undefined) continue
    const name = media.schema.$ref?.slice(media.schema.$ref.lastIndexOf('/') + 1)
    const example = { value: exampleOf(media.schema, schemas) }
    if (name !== undefined) made[name] = example
    media.examples = { example: name === undefined ? example : { $ref: `#/components/examples/${name}` } }
  }
}

/** Adds to each operation every error code it can answer with, and an example of each body and answer. */
export const complete = (document: Document): Document => {
  const { schemas, responses: shared = {} } = document.components
  const made: Record<string, unknown> = {}
  for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
    withExamples(operation.requestBody?.content, schemas, made)
    for (const answer of Object.values(operation.responses)) withExamples(answer.content, schemas, made)
    operation.responses = { ...operation.responses, ...errorAnswers(operation, shared) }
    for (const code of errorsOf(operation)) made[code] = problemExample(code)
  }
  const examples = Object.fromEntries(Object.entries(made).sort(([a], [b]) => (a < b ? -1 : 1)))
  return { ...document, components: { ...document.components, examples } }
}
