import { AppError } from '@menagerie/core'

/**
 * The `Idempotency-Key` of a request; `null` when it has none.
 *
 * @throws AppError `validation_failed` for an empty one or one longer than 255 characters
 */
export function idempotencyKey(header: string | undefined): string | null {
  if (header === undefined) return null
  if (header.length > 0 && header.length <= 255) return header
  throw new AppError('validation_failed', 'The Idempotency-Key is not valid', {
    errors: [
      {
        pointer: '/header/idempotency-key',
        code: 'invalid_length',
        detail: 'must have 1 to 255 characters',
      },
    ],
  })
}
