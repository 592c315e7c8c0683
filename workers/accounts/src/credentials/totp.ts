import { secretsEqual } from '@menagerie/core'
import { Secret, TOTP } from 'otpauth'
import { purposes, seal, unseal } from '../sealing.ts'

export const PERIOD_SECONDS = 30
const SECRET_BYTES = 20

/** Every authenticator app takes these (RFC 6238 §1.2, RFC 4226 §4). */
const settings = { algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS } as const

/** A new secret in base32. */
export const newTotpSecret = (): string =>
  new Secret({ buffer: crypto.getRandomValues(new Uint8Array(SECRET_BYTES)).buffer }).base32

/** The address an authenticator app reads from a QR code. */
export const totpUri = (secret: string, account: string, issuer: string): string =>
  new TOTP({ ...settings, secret, label: account, issuer }).toString()

/** A secret as its row keeps it. @param secret `KEY_ENCRYPTION_KEY` */
export const sealTotpSecret = (secret: string, userId: string, base32: string): Promise<string> =>
  seal(secret, purposes.totp, base32, userId)

export const openTotpSecret = (secret: string, userId: string, sealed: string): Promise<string> =>
  unseal(secret, purposes.totp, sealed, userId)

/** The time step of a moment (RFC 6238 §4.2). */
export const stepAt = (now: number): number => Math.floor(now / 1000 / PERIOD_SECONDS)

/** The code of a time step. */
export const codeOfStep = (base32: string, step: number): string =>
  new TOTP({ ...settings, secret: base32 }).generate({
    timestamp: step * PERIOD_SECONDS * 1000,
  })

/**
 * The time step a code belongs to: the running one or the one before, which RFC 6238 §5.2 allows for the time a code
 * travels. Codes of the future are refused: a clock that runs ahead is mended, not served.
 */
export async function stepOfCode(
  base32: string,
  code: string,
  now: number,
): Promise<number | undefined> {
  const current = stepAt(now)
  let found: number | undefined
  for (const step of [current, current - 1])
    if ((await secretsEqual(codeOfStep(base32, step), code)) && found === undefined) found = step
  return found
}
