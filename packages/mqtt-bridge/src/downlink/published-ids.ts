/** The last ids that the broker has acknowledged, so that a repeated message is not published again. Pure. */
export class PublishedIds {
  readonly #ids = new Set<string>()
  readonly #most: number

  constructor(most = 10_000) {
    this.#most = most
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(id: string): void {
    this.#ids.delete(id)
    this.#ids.add(id)
    if (this.#ids.size <= this.#most) return
    for (const oldest of this.#ids) {
      this.#ids.delete(oldest)
      return
    }
  }
}
