import type { InboxKind } from './inbox-store.ts'

/** What becomes of a request instead of its answer: an HTTP status, or `drop`: done, and the answer lost. */
export type Fault = `${number}` | 'drop'

/** A status of 400 to 599, or `drop`. */
export const isFault = (value: unknown): value is Fault =>
  typeof value === 'string' && /^([45]\d\d|drop)$/.test(value)

/** Faults that the next requests to each inbox meet, one each, in order. */
export class Faults {
  readonly #next = new Map<InboxKind, Fault[]>()

  /** Replaces what was planned. */
  plan(kind: InboxKind, next: readonly Fault[]): void {
    this.#next.set(kind, [...next])
  }

  planned(kind: InboxKind): readonly Fault[] {
    return this.#next.get(kind) ?? []
  }

  take(kind: InboxKind): Fault | undefined {
    return this.#next.get(kind)?.shift()
  }
}
