const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** Failures in this time before the next attempt must wait. */
export const FREE_ATTEMPTS = 5
export const FREE_WINDOW_MS = 15 * MINUTE_MS
/** Attempts without a success after which each must wait, however slowly they come. */
export const SLOW_ATTEMPTS = 20
/** What is remembered of attempts without a success, and the most of them in that time. */
export const MEMORY_MS = 30 * DAY_MS
export const MAX_ATTEMPTS = 100
export const FIRST_DELAY_MS = 30_000
/** Two attempts a day go on: 30 until the delay is this long, and 60 more in 30 days. */
export const LONGEST_DELAY_MS = DAY_MS / 2
/** An address with a success is known this long, of at most so many. */
export const KNOWN_MS = 90 * DAY_MS
export const MAX_KNOWN = 32

/** When attempts were let through that no success followed, milliseconds since the epoch, oldest first. */
export type Attempts = readonly number[]

/** An address from which the secret was right, hashed. */
export interface KnownAddress {
  hash: string
  /** Of its last success. */
  at: number
  attempts: Attempts
}

/**
 * Attempts at one kind of secret of one account. Known addresses have counts of their own, so that an attacker elsewhere
 * cannot lock the user out; everybody else shares one.
 */
export interface AccountCount {
  shared: Attempts
  known: readonly KnownAddress[]
}

export const noAttempts: AccountCount = { shared: [], known: [] }

/** Why somebody must wait, in milliseconds; 0 when not. */
export type Wait = number

/**
 * How long until the next attempt may be looked at: no wait before the fifth failure in 15 minutes; then 30 seconds, and
 * twice as long each time, up to 12 hours; and never more than 100 in 30 days (NIST SP 800-63B-4 §3.2.2).
 */
export function waitOf(attempts: Attempts, now: number): Wait {
  const remembered = attempts.filter((at) => at > now - MEMORY_MS)
  const last = remembered.at(-1)
  if (last === undefined) return 0
  const lately = remembered.filter((at) => at > now - FREE_WINDOW_MS).length
  const beyond = Math.max(lately - FREE_ATTEMPTS, remembered.length - SLOW_ATTEMPTS)
  const delay = beyond < 0 ? 0 : Math.min(FIRST_DELAY_MS * 2 ** beyond, LONGEST_DELAY_MS)
  const first = remembered.at(-MAX_ATTEMPTS)
  const full = first === undefined ? 0 : first + MEMORY_MS - now
  return Math.max(0, last + delay - now, full)
}

/**
 * Counts an attempt before its secret is looked at, unless it must wait: an attempt that is refused is not counted, so that
 * nobody's wait grows by asking.
 *
 * @param address where it comes from, hashed
 */
export function attempt(
  count: AccountCount,
  address: string,
  now: number,
): { count: AccountCount; wait: Wait } {
  const swept = sweep(count, now)
  const own = swept.known.find(({ hash }) => hash === address)
  const attempts = own?.attempts ?? swept.shared
  const wait = waitOf(attempts, now)
  if (wait > 0) return { count: swept, wait }
  const counted = [...attempts, now].slice(-MAX_ATTEMPTS)
  if (own === undefined) return { count: { ...swept, shared: counted }, wait: 0 }
  const known = swept.known.map((one) => (one === own ? { ...own, attempts: counted } : one))
  return { count: { ...swept, known }, wait: 0 }
}

/** Longer than looking at a secret takes. */
export const SETTLE_MS = 2_000

/** Whether an attempt of the last moments may still turn out to be right. */
export function isUnsettled(
  { shared, known }: AccountCount,
  address: string,
  now: number,
): boolean {
  const attempts = known.find(({ hash }) => hash === address)?.attempts ?? shared
  return (attempts.at(-1) ?? 0) > now - SETTLE_MS
}

/** The secret was right: the account's counts begin anew, and the address is known. */
export function succeeded(count: AccountCount, address: string, now: number): AccountCount {
  const { known } = sweep(count, now)
  const others = known.filter(({ hash }) => hash !== address)
  return {
    shared: [],
    known: [...others, { hash: address, at: now, attempts: [] }].slice(-MAX_KNOWN),
  }
}

/** Forgets the counts; addresses stay known. */
export const cleared = ({ known }: AccountCount): AccountCount => ({
  shared: [],
  known: known.map((one) => ({ ...one, attempts: [] })),
})

/** Without what is too old to matter. An address that is not known any more takes its count with it. */
export function sweep({ shared, known }: AccountCount, now: number): AccountCount {
  const young = (attempts: Attempts) => attempts.filter((at) => at > now - MEMORY_MS)
  return {
    shared: young(shared),
    known: known
      .filter(({ at }) => at > now - KNOWN_MS)
      .map((one) => ({ ...one, attempts: young(one.attempts) })),
  }
}

export const isEmpty = ({ shared, known }: AccountCount): boolean =>
  shared.length === 0 && known.length === 0
