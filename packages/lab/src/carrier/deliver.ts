import type { Delivery } from './lab-call.ts'
import { sign } from './sign.ts'

const REQUEST_TIMEOUT_MS = 5_000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 60_000
/** How long a webhook is tried. */
const GIVE_UP_MS = 60 * 60_000

/** How a webhook was answered. */
export type Answer =
  | { outcome: 'taken'; body: string; said: string }
  /** The customer does not want it: trying again would not help. */
  | { outcome: 'refused'; said: string }
  | { outcome: 'away'; said: string }

/** Posts one webhook, signed. Never throws. */
export async function deliver(
  delivery: Delivery,
  authToken: string,
  stop: AbortSignal,
): Promise<Answer> {
  try {
    const response = await fetch(delivery.url, {
      method: 'POST',
      headers: { 'x-twilio-signature': sign(authToken, delivery.url, delivery.form) },
      body: new URLSearchParams(delivery.form),
      redirect: 'manual',
      signal: AbortSignal.any([stop, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    })
    const body = await response.text()
    const said = String(response.status)
    if (response.ok) return { outcome: 'taken', body, said }
    const passing = response.status >= 500 || response.status === 429 || response.status === 408
    return { outcome: passing ? 'away' : 'refused', said }
  } catch (error) {
    return { outcome: 'away', said: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * When a webhook is tried again: after 250 ms, then twice as long each time up to a minute, each wait shortened by up
 * to half at random; nothing after an hour.
 *
 * @param random in [0, 1)
 */
export function nextTry(delivery: Delivery, now: number, random: number): number | undefined {
  if (now - delivery.firstAt > GIVE_UP_MS) return undefined
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (delivery.attempts - 1))
  return now + wait * (1 - random / 2)
}
