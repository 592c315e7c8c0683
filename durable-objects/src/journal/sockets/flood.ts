const PER_SECOND = 20
const BURST = 40

/** A token bucket: 40 frames at once, then 20 a second. */
export interface Bucket {
  tokens: number
  /** Milliseconds since the epoch. */
  at: number
}

export const fullBucket = (now: number): Bucket => ({ tokens: BURST, at: now })

/** Takes one frame out; `undefined` when the bucket is empty. */
export function takeToken(bucket: Bucket, now: number): Bucket | undefined {
  const gained = (Math.max(0, now - bucket.at) * PER_SECOND) / 1000
  const tokens = Math.min(BURST, bucket.tokens + gained) - 1
  return tokens < 0 ? undefined : { tokens, at: now }
}
