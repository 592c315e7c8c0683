import type { WaitingEntry } from './queue-model.ts'

/** Who goes first of two that wait: the higher priority, then the longer wait. Negative when `a` does. */
export const order = (a: WaitingEntry, b: WaitingEntry): number =>
  b.priority - a.priority ||
  a.offeredAt - b.offeredAt ||
  (a.callId < b.callId ? -1 : a.callId > b.callId ? 1 : 0)

/** Contacts that ask for the same skills with the same priority, in order. */
export class Lane {
  readonly skills: readonly string[]
  #entries: WaitingEntry[] = []
  /** Entries before it have gone: taking the first moves nothing. */
  #head = 0

  constructor(skills: readonly string[]) {
    this.skills = skills
  }

  get size(): number {
    return this.#entries.length - this.#head
  }

  /** Nearly always at the end, since contacts come in the order of their waits. */
  add(entry: WaitingEntry): void {
    const last = this.#entries.at(-1)
    if (this.size === 0 || (last !== undefined && order(last, entry) < 0)) this.#entries.push(entry)
    else this.#entries.splice(this.#place(entry), 0, entry)
  }

  remove(entry: WaitingEntry): void {
    const place = this.#place(entry)
    if (this.#entries[place]?.callId !== entry.callId) return
    if (place !== this.#head) this.#entries.splice(place, 1)
    else if (++this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head)
      this.#head = 0
    }
  }

  /** The first that the agent has not passed by. */
  firstFor(agentId: string): WaitingEntry | undefined {
    for (let place = this.#head; place < this.#entries.length; place++) {
      const entry = this.#entries[place]
      if (entry !== undefined && !entry.passedBy.includes(agentId)) return entry
    }
    return undefined
  }

  first(): WaitingEntry | undefined {
    return this.#entries[this.#head]
  }

  /** How many go before it. */
  before(entry: WaitingEntry): number {
    return this.#place(entry) - this.#head
  }

  /** Where it stands, or would stand. */
  #place(entry: WaitingEntry): number {
    let low = this.#head
    let high = this.#entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#entries[middle]
      if (other !== undefined && order(other, entry) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Contacts that wait and are kept for nobody: an agent looks at the heads of a few lanes, however many wait. */
export class Lanes {
  readonly #lanes = new Map<string, Lane>()

  get empty(): boolean {
    return this.#lanes.size === 0
  }

  add(entry: WaitingEntry): void {
    const key = keyOf(entry)
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      lane = new Lane(entry.skills)
      this.#lanes.set(key, lane)
    }
    lane.add(entry)
  }

  remove(entry: WaitingEntry): void {
    const key = keyOf(entry)
    const lane = this.#lanes.get(key)
    lane?.remove(entry)
    if (lane?.size === 0) this.#lanes.delete(key)
  }

  /** The first of all that an agent with those skills can take and has not passed by. */
  firstFor(agentId: string, skills: ReadonlySet<string>): WaitingEntry | undefined {
    let first: WaitingEntry | undefined
    for (const lane of this.#lanes.values()) {
      if (!lane.skills.every((skill) => skills.has(skill))) continue
      const head = lane.first()
      if (head === undefined || (first !== undefined && order(first, head) < 0)) continue
      const entry = lane.firstFor(agentId)
      if (entry !== undefined && (first === undefined || order(entry, first) < 0)) first = entry
    }
    return first
  }

  /** How many go before it. */
  before(entry: WaitingEntry): number {
    let count = 0
    for (const lane of this.#lanes.values()) count += lane.before(entry)
    return count
  }

  /** When the longest wait began. */
  oldest(): number | undefined {
    let oldest: number | undefined
    for (const lane of this.#lanes.values()) {
      const head = lane.first()
      if (head !== undefined) oldest = Math.min(oldest ?? head.offeredAt, head.offeredAt)
    }
    return oldest
  }
}

const keyOf = ({ priority, skills }: WaitingEntry): string => `${priority} ${skills.join(' ')}`
