import { z } from 'zod'

/** What is wrong with one part of the input: where (an RFC 6901 JSON pointer, or `?name` for a query parameter) and why. */
export const InputError = z.strictObject({ pointer: z.string(), detail: z.string() }).meta({ id: 'InputError' })
export type InputError = z.infer<typeof InputError>

/** A problem document (RFC 9457), the body of every error answer. `type` leads to a page about the code; `code` is for programs. */
export const Problem = z
  .object({
    type: z.string().meta({ description: 'A page about this kind of problem', example: '/problems/orders.out-of-stock' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().meta({ example: 'orders.out-of-stock' }),
    requestId: z.string(),
    errors: z.array(InputError).optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem document' })
export type Problem = z.infer<typeof Problem>

export const PROBLEM_CONTENT_TYPE = 'application/problem+json'
