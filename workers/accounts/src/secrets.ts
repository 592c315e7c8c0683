import { deriveBits } from '@menagerie/core'

const encoder = new TextEncoder()

/** The HMAC key of refresh tokens, 32 bytes. */
export async function refreshTokenKey(secret: string): Promise<Uint8Array> {
  return new Uint8Array(await deriveBits(secret, 'menagerie refresh tokens'))
}

/** HMAC-SHA-256 of a request's body, hex. */
export const bodyMac = (secret: string, body: string): Promise<string> =>
  keyedHash(secret, 'menagerie idempotency', body)

/**
 * HMAC-SHA-256, hex: for what is too short to be hashed alone, such as a code of six digits.
 *
 * @param purpose each has a key of its own
 */
export async function keyedHash(secret: string, purpose: string, text: string): Promise<string> {
  const bits = await deriveBits(secret, purpose)
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bits, hmac, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(text)))
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
