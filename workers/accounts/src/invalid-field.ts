import { AppError } from '@menagerie/core'

/**
 * A refusal of one field that only a look beyond its form could find.
 *
 * @param pointer RFC 6901, into the body: `/clientId`
 */
export const invalidField = (pointer: string, code: string, detail: string): AppError =>
  new AppError('validation_failed', 'The request has fields that are not valid', {
    errors: [{ pointer, code, detail }],
  })
