/** Randomness, so that everything else here is a function of its arguments and the storage. */
export interface Entropy {
  /** 16 random bytes, hex. */
  salt: () => string
  /** In [0, 1). */
  random: () => number
}

/** What else lives on the journal's commits and on its one alarm: the sockets. */
export interface JournalFollower {
  /** Events were committed, or the state changed. */
  committed(): void
  /** When it needs the alarm, milliseconds since the epoch. */
  nextDue(): number | undefined
  /** The alarm came. */
  alarm(now: number): void
}
