/** When a key was made and, once another signs, since when it does not. Milliseconds since the epoch. */
export interface KeyTimes {
  createdAt: number
  retiredAt: number | null
}

/** How many are in use: the one that signs, and the next, which everybody knows long before it does. */
export const KEYS_IN_USE = 2

/**
 * A next key signs no sooner than this after it was published, in need either: receivers keep the set for ten minutes, and
 * some adapters of others ask for it once an hour.
 */
export const PUBLISHED_BEFORE_MS = 2 * 3_600_000

/**
 * The key that signs: the oldest that is not retired.
 *
 * @param keys oldest first
 */
export const signingKey = <K extends KeyTimes>(keys: readonly K[]): K | undefined =>
  keys.find((key) => key.retiredAt === null)

/** The time up to which the next key was made when it is its turn: it was made when the one that signs began to. */
export const dueBefore = (now: number, periodMs: number): number =>
  now - Math.max(PUBLISHED_BEFORE_MS, periodMs)
