const encoder = new TextEncoder()

/**
 * 256 bits for one purpose out of `KEY_ENCRYPTION_KEY` (HKDF-SHA-256, RFC 5869), so that no key serves two.
 *
 * @param purpose the `info` of HKDF
 */
async function deriveBits(secret: string, purpose: string): Promise<ArrayBuffer> {
  const base = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ])
  return crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(purpose) },
    base,
    256,
  )
}

/** The AES-256-GCM key under which private signing keys are kept. */
export async function encryptionKey(secret: string): Promise<CryptoKey> {
  const bits = await deriveBits(secret, 'menagerie signing keys')
  return crypto.subtle.importKey('raw', bits, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** The HMAC key of refresh tokens, 32 bytes. */
export async function refreshTokenKey(secret: string): Promise<Uint8Array> {
  return new Uint8Array(await deriveBits(secret, 'menagerie refresh tokens'))
}

/** HMAC-SHA-256 of a request's body, hex. */
export async function bodyMac(secret: string, body: string): Promise<string> {
  const bits = await deriveBits(secret, 'menagerie idempotency')
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const key = await crypto.subtle.importKey('raw', bits, hmac, false, ['sign'])
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, encoder.encode(body)))
  return [...mac].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
