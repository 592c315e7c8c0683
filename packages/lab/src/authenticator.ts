import { createHmac } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { ApiError, type Session } from '@menagerie/client'

const PERIOD_MS = 30_000

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/**
 * The code an authenticator app shows (RFC 6238 §4, SHA-1, six digits, 30 s): written from the RFC, so that it shares
 * nothing with what it is shown to.
 *
 * @param secret base32 (RFC 4648 §6)
 * @param now milliseconds since the epoch
 */
export function totpCode(secret: string, now: number): string {
  let bits = ''
  for (const letter of secret) bits += alphabet.indexOf(letter).toString(2).padStart(5, '0')
  const key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(now / PERIOD_MS)))
  const mac = createHmac('sha1', key).update(counter).digest()
  const offset = (mac.at(-1) ?? 0) & 15
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/**
 * Does what asks for a second factor: when it is asked for, the app's code is shown in the session, once for all who are
 * asked at the same time, and the work is done again.
 *
 * @param secret base32 (RFC 4648 §6)
 * @param onWait told when the codes of now were used, and the next is waited for, 30 s at most
 * @throws ApiError `invalid_code`, and what the work throws
 */
export async function withSecondFactor<T>(
  session: Pick<Session, 'stepUp'>,
  secret: string,
  work: () => Promise<T>,
  onWait?: () => void,
): Promise<T> {
  const startedAt = performance.now()
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'step_up_required')) throw error
    let shown = shownIn.get(session)
    if (shown === undefined || shown.at < startedAt) {
      shown = { at: performance.now(), done: showCode(session, secret, onWait) }
      shownIn.set(session, shown)
    }
    await shown.done
    return work()
  }
}

/** When each session last showed a code. */
const shownIn = new WeakMap<object, { at: number; done: Promise<void> }>()

/** A code works once (RFC 6238 §5.2): that of the period before is tried first, and at last that of the next is waited for. */
export async function showCode(
  session: Pick<Session, 'stepUp'>,
  secret: string,
  onWait?: () => void,
): Promise<void> {
  const show = (at: number) => session.stepUp({ method: 'totp', code: totpCode(secret, at) })
  for (const at of [Date.now() - PERIOD_MS, Date.now()]) {
    try {
      return await show(at)
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'invalid_code')) throw error
    }
  }
  onWait?.()
  await pause(PERIOD_MS - (Date.now() % PERIOD_MS))
  await show(Date.now())
}
