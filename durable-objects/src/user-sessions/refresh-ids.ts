import { createHash, createHmac, hkdfSync } from 'node:crypto'

/**
 * Ids of refresh tokens. Each is a function of the one before it, so that parallel refreshes with one token agree on
 * the successor although only hashes are kept; without the key nobody can tell it.
 *
 * @param secret `KEY_ENCRYPTION_KEY`
 */
export function refreshIds(secret: string): {
  /** The first id of a session. */
  first: (sid: string) => string
  /** The id that follows one. */
  after: (jti: string) => string
} {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'menagerie refresh token ids', 32))
  const mac = (text: string) => createHmac('sha256', key).update(text).digest('base64url')
  return { first: (sid) => mac(`first:${sid}`), after: (jti) => mac(`after:${jti}`) }
}

/** What is kept of an id: SHA-256, lower-case hex. */
export const hashId = (jti: string): string => createHash('sha256').update(jti).digest('hex')
