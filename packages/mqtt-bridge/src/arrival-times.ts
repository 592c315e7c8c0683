/**
 * Times of arrival, to the microsecond and no two alike: by them the edge knows a message without a number again when a
 * request is repeated. Pure.
 */
export class ArrivalTimes {
  #last = 0

  /** @param now milliseconds since the epoch @returns RFC 3339; a little ahead when many come in one moment */
  next(now: number): string {
    this.#last = Math.max(now * 1000, this.#last + 1)
    const milliseconds = new Date(Math.floor(this.#last / 1000)).toISOString().slice(0, -1)
    return `${milliseconds}${String(this.#last % 1000).padStart(3, '0')}Z`
  }
}
