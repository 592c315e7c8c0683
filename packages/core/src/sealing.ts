import { toBase64Url } from './ids.ts'

const encoder = new TextEncoder()

/**
 * 256 bits for one purpose out of a secret (HKDF-SHA-256, RFC 5869), so that no key serves two.
 *
 * @param purpose the `info` of HKDF
 */
export async function deriveBits(secret: string, purpose: string): Promise<ArrayBuffer> {
  const base = await crypto.subtle.importKey('raw', encoder.encode(secret), 'HKDF', false, [
    'deriveBits',
  ])
  return crypto.subtle.deriveBits(
    { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info: encoder.encode(purpose) },
    base,
    256,
  )
}

const keyFor = async (secret: string, purpose: string) =>
  crypto.subtle.importKey('raw', await deriveBits(secret, purpose), 'AES-GCM', false, [
    'encrypt',
    'decrypt',
  ])

/**
 * A text under AES-256-GCM, with a key of its own for each purpose.
 *
 * @param aad what the text belongs to, such as a row's id: it opens with the same alone
 * @returns base64url of the 12-byte IV, `.`, base64url of the ciphertext
 */
export async function seal(
  secret: string,
  purpose: string,
  plaintext: string,
  aad: string,
): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: encoder.encode(aad) },
    await keyFor(secret, purpose),
    encoder.encode(plaintext),
  )
  return `${toBase64Url(iv)}.${toBase64Url(new Uint8Array(sealed))}`
}

/**
 * The text that `seal` was given.
 *
 * @throws Error for another secret, purpose or owner, and for what was changed
 */
export async function unseal(
  secret: string,
  purpose: string,
  sealed: string,
  aad: string,
): Promise<string> {
  const [iv = '', ciphertext = ''] = sealed.split('.')
  const plaintext = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: fromBase64Url(iv), additionalData: encoder.encode(aad) },
    await keyFor(secret, purpose),
    fromBase64Url(ciphertext),
  )
  return new TextDecoder().decode(plaintext)
}

/** What codes and links to one recipient are sealed for, with `DELIVERY_KEY`; the delivery's id is their owner. */
export const DELIVERY_PURPOSE = 'menagerie deliveries'

/** The bytes of a base64url text without padding (RFC 4648 §5). @throws Error for another alphabet */
export const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
    char.charCodeAt(0),
  )
