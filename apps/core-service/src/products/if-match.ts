import { AppError } from '@catamaran/platform'

/**
 * Checks If-Match (RFC 9110, section 13.1.1) against the current strong ETag; a weak one never matches.
 * @throws AppError request.precondition-required when it lacks, request.precondition-failed when it doesn't match
 */
export const requireMatch = (given: string | undefined, etag: string): void => {
  if (given === undefined) throw new AppError('request.precondition-required')
  if (given.trim() === '*' || given.split(',').some((tag) => tag.trim() === etag)) return
  throw new AppError('request.precondition-failed')
}
