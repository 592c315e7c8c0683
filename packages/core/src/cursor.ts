import { AppError } from './app-error.ts'
import { toBase64Url } from './ids.ts'
import { secretsEqual } from './secret-compare.ts'

const encoder = new TextEncoder()

async function hmacKey(secret: string): Promise<CryptoKey> {
  return crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign', 'verify'],
  )
}

const fromBase64Url = (text: string): Uint8Array<ArrayBuffer> => {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, (char) => char.charCodeAt(0))
}

/**
 * An opaque, signed position in a list. It is bound to `scope` (who lists what), so that a cursor of one caller or
 * query says nothing in another's.
 */
export async function signCursor(
  secret: string,
  scope: string,
  position: readonly (string | number)[],
): Promise<string> {
  const body = toBase64Url(encoder.encode(JSON.stringify(position)))
  const mac = await crypto.subtle.sign(
    'HMAC',
    await hmacKey(secret),
    encoder.encode(`${scope}\n${body}`),
  )
  return `${body}.${toBase64Url(new Uint8Array(mac).slice(0, 16))}`
}

/**
 * The position a cursor stands for.
 *
 * @throws AppError `validation_failed` for a cursor that was not made for this list
 */
export async function readCursor(
  secret: string,
  scope: string,
  cursor: string,
): Promise<(string | number)[]> {
  const invalid = new AppError('validation_failed', 'The cursor is not one of this list', {
    errors: [
      {
        pointer: '/query/cursor',
        code: 'invalid_cursor',
        detail: 'use nextCursor of the page before',
      },
    ],
  })
  const [body, ...rest] = cursor.split('.')
  if (!body || rest.length !== 1) throw invalid
  const position = JSON.parse(await decodeBody(body, invalid)) as (string | number)[]
  if (!(await secretsEqual(await signCursor(secret, scope, position), cursor))) throw invalid
  return position
}

async function decodeBody(body: string, invalid: AppError): Promise<string> {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(
      fromBase64Url(body),
    )
    if (!Array.isArray(JSON.parse(text))) throw invalid
    return text
  } catch {
    throw invalid
  }
}
