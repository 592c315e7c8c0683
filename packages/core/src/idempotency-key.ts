import { AppError } from './app-error.ts'

/**
 * The `Idempotency-Key` of a request; `undefined` when it has none.
 *
 * @throws AppError `validation_failed` for one that is not 1 to 255 printable ASCII characters
 */
export function readIdempotencyKey(header: string | undefined): string | undefined {
  if (header === undefined || /^[\x20-\x7e]{1,255}$/.test(header)) return header
  const detail = 'must have 1 to 255 printable ASCII characters'
  throw new AppError('validation_failed', `The Idempotency-Key ${detail}`, {
    errors: [{ pointer: '/header/idempotency-key', code: 'invalid', detail }],
  })
}
