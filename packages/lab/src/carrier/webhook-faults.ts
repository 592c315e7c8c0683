import { z } from 'zod'

const Share = z.number().min(0).max(1)
const Milliseconds = z.number().int().min(0).max(600_000)

/** How badly webhooks arrive; all of them well unless dialled otherwise. */
export const FaultSettings = z.strictObject({
  /** Share of the status webhooks that are lost for good. What asks for TwiML is never lost: no call could go on. */
  loss: Share.default(0),
  /** Share that is sent twice. */
  duplicate: Share.default(0),
  /** Each waits that long before it is first sent, at random between the two; the order stays. */
  delayMs: z
    .tuple([Milliseconds, Milliseconds])
    .refine(([min, max]) => min <= max, 'must not fall')
    .default([0, 0]),
  /** Share of the status webhooks that later ones overtake. */
  reorder: Share.default(0),
  /** For the same faults again. */
  seed: z.number().int().optional(),
})
export type FaultSettings = z.infer<typeof FaultSettings>

/** What happens to one webhook. */
export interface Fate {
  lost: boolean
  delayMs: number
  /** Sent on its own, that much later than its turn; 0 when it stays in line. */
  behindMs: number
  /** A second copy is sent that much later; `null` when there is none. */
  againMs: number | null
}

/** How far an overtaken webhook and a second copy fall behind. */
const LAG_MS = [300, 1_500] as const

/** Decides what becomes of webhooks, by dial. */
export class WebhookFaults {
  #settings: FaultSettings = FaultSettings.parse({})
  #random: () => number = Math.random

  get settings(): FaultSettings {
    return this.#settings
  }

  dial(settings: FaultSettings): void {
    this.#settings = settings
    this.#random = settings.seed === undefined ? Math.random : seeded(settings.seed)
  }

  /** @param asks whether its answer is TwiML */
  next(asks: boolean): Fate {
    const { loss, duplicate, delayMs, reorder } = this.#settings
    const random = this.#random
    const between = ([min, max]: readonly [number, number]) =>
      Math.round(min + random() * (max - min))
    // Every webhook draws as often, so that one seed means the same faults whatever the shares are.
    const [lost, delay, behind, behindBy, again, againBy] = [
      random() < loss,
      between(delayMs),
      random() < reorder,
      between(LAG_MS),
      random() < duplicate,
      between(LAG_MS),
    ]
    return {
      lost: lost && !asks,
      delayMs: delay,
      behindMs: behind && !asks ? behindBy : 0,
      againMs: again ? againBy : null,
    }
  }
}

/** Mulberry32: a small generator whose numbers in [0, 1) follow from the seed. */
function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
