import { AppError } from '@menagerie/core'

/** A version that no document has. */
const NO_VERSION = -1

/**
 * The version an `If-Match` names (RFC 9110 §13.1.1): `null` for none and for `*`, which any version matches; -1, which
 * none does, for a tag that is weak or no version of ours.
 *
 * @throws AppError `validation_failed` for what is no entity tag, or several: one version can be meant
 */
export function readIfMatch(header: string | undefined): number | null {
  if (header === undefined || header.trim() === '*') return null
  const tag = /^(W\/)?"([\x21\x23-\x7e\x80-\xff]*)"$/.exec(header.trim())
  if (tag === null) {
    const detail = 'must be one entity tag such as "7", as ETag told it'
    throw new AppError('validation_failed', `If-Match ${detail}`, {
      errors: [{ pointer: '/header/if-match', code: 'invalid', detail }],
    })
  }
  const [, weak, value = ''] = tag
  return weak === undefined && /^(?:0|[1-9]\d{0,14})$/.test(value) ? Number(value) : NO_VERSION
}
