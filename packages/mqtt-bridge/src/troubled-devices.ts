/** So often in a row, and for so long, the twin of a device must have failed before its messages may be held. */
const LEAST_FAILURES = 5
const LEAST_MS = 10_000
/** Devices that are remembered as well: more are not needed to see that most are. */
const MOST_WELL = 10_000

interface Trouble {
  /** Of the first failure in a row; milliseconds. */
  since: number
  failures: number
  /** Its messages may be held: once it is so, until its twin has taken all. */
  isHeld: boolean
  /** Since when messages of others wait behind its own. */
  blocksSince: number | undefined
}

/**
 * Devices whose twins fail while the edge answers, and whether they alone are at fault. Only then the edge may hold their
 * messages; where nobody's messages are stored it is the edge that is away. Pure.
 */
export class TroubledDevices {
  readonly #troubled = new Map<string, Trouble>()
  /** When the messages of other devices were last stored; kept while a device is in trouble. */
  readonly #well = new Map<string, number>()

  /** Devices in trouble, held or not. */
  get size(): number {
    return this.#troubled.size
  }

  /** @returns how often in a row */
  failed(device: string, now: number): number {
    this.#well.delete(device)
    const trouble = this.#troubled.get(device) ?? {
      since: now,
      failures: 0,
      isHeld: false,
      blocksSince: undefined,
    }
    trouble.failures++
    trouble.blocksSince ??= now
    this.#troubled.set(device, trouble)
    return trouble.failures
  }

  /** The edge holds what it was given of this device. */
  held(device: string): void {
    const trouble = this.#troubled.get(device)
    if (trouble !== undefined) trouble.blocksSince = undefined
  }

  /** @returns whether that is the end of its trouble */
  stored(device: string, now: number): boolean {
    if (this.#troubled.size === 0) return false
    const wasTroubled = this.over(device)
    const isKnown = this.#well.has(device) || this.#well.size < MOST_WELL
    if (isKnown && this.#judged().length > 0) this.#well.set(device, now)
    return wasTroubled
  }

  /** @returns whether it was in trouble */
  over(device: string): boolean {
    const wasTroubled = this.#troubled.delete(device)
    if (wasTroubled && this.#judged().length === 0) this.#well.clear()
    return wasTroubled
  }

  /** Nothing of anybody is stored: what failed says nothing about a single device. */
  allFailed(): void {
    for (const [device, { isHeld }] of this.#troubled) if (!isHeld) this.#troubled.delete(device)
    this.#well.clear()
  }

  /** Forgets all: the edge does not know how to hold messages. */
  forget(): void {
    this.#troubled.clear()
    this.#well.clear()
  }

  isHeld(device: string): boolean {
    return this.#troubled.get(device)?.isHeld === true
  }

  /** Whether the edge may hold the messages of this device, from now on until its twin has taken all. */
  mayBeHeld(device: string, now: number): boolean {
    const trouble = this.#troubled.get(device)
    if (trouble === undefined) return false
    const isLong = trouble.failures >= LEAST_FAILURES && now - trouble.since >= LEAST_MS
    trouble.isHeld ||= isLong && this.#isAlone(trouble)
    return trouble.isHeld
  }

  /** Whether more devices are in trouble than were stored since it began: then it is not about a device. */
  get isWidespread(): boolean {
    const judged = this.#judged()
    return judged.length > 0 && !judged.some((trouble) => this.#isAlone(trouble))
  }

  /** The device behind whose messages others have waited longest. */
  blocking(): { device: string; since: number } | undefined {
    let longest: { device: string; since: number } | undefined
    for (const [device, { blocksSince: since }] of this.#troubled)
      if (since !== undefined && (longest === undefined || since < longest.since))
        longest = { device, since }
    return longest
  }

  #isAlone({ since }: Trouble): boolean {
    let well = 0
    for (const at of this.#well.values()) if (at >= since) well++
    return well >= Math.max(1, this.#judged().length)
  }

  #judged(): Trouble[] {
    return [...this.#troubled.values()].filter(({ isHeld }) => !isHeld)
  }
}
