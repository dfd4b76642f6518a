/** A reason not to go on, told in full by its message: what is wrong and what to do. Printed without a stack trace; exit code 1. */
export class Refusal extends Error {}

/** The message of anything that was thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
