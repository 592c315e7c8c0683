import { type Flush, MetricsBuffer } from './buffer.ts'
import {
  collect,
  type Dropped,
  type DropReason,
  type SeenLabels,
  type TailEvent,
} from './collect.ts'

/** How long sums wait for company. */
export const FLUSH_AFTER_MS = 1000
/** A timer's own event may be ended by the platform; past this another event takes its place. */
const TIMER_LOST_AFTER_MS = 5000
/** Waits before a flush is tried again within the same event. */
const RETRY_AFTER_MS = [200, 1000]
/** What cannot be sent is kept for later events, so many and so long: the hub knows flush ids for an hour. */
const MAX_UNSENT = 60
const MAX_UNSENT_MS = 600_000

export interface PipelineOptions {
  now: () => number
  newId: () => string
  wait: (ms: number) => Promise<void>
  /** Told of what was lost or left out. */
  report: (message: string, fields: Record<string, unknown>) => void
}

export type SendFlush = (flush: Flush) => Promise<unknown>

/**
 * From tail events to the hub: sums for a second or a hundred events, then sends once. A flush whose answer is missing is
 * sent again under its id, by itself or before the next one. Lives as long as the isolate.
 */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #buffer = new MetricsBuffer()
  readonly #seen: SeenLabels = new Map()
  #dropped: Dropped = {}
  #unsent: Flush[] = []
  #timerSince: number | undefined

  constructor(options: PipelineOptions) {
    this.#options = options
  }

  /**
   * Takes in events.
   *
   * @param send how this event may reach the hub: what one event holds must not be used by another
   * @returns what is to be waited for, which never rejects; `undefined` where an earlier event's timer will flush
   */
  take(events: readonly TailEvent[], send: SendFlush): Promise<void> | undefined {
    const { samples, dropped } = collect(events, this.#seen)
    this.#buffer.add(samples, events.length)
    for (const [reason, count] of Object.entries(dropped) as [DropReason, number][])
      this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count
    if (this.#buffer.full) return this.#flush(send)
    const now = this.#options.now()
    if (this.#timerSince !== undefined && now - this.#timerSince < TIMER_LOST_AFTER_MS)
      return undefined
    this.#timerSince = now
    return this.#flushLater(send)
  }

  async #flushLater(send: SendFlush): Promise<void> {
    await this.#options.wait(FLUSH_AFTER_MS)
    this.#timerSince = undefined
    await this.#flush(send)
  }

  async #flush(send: SendFlush): Promise<void> {
    const { now, newId, report } = this.#options
    const fresh = this.#buffer.take(newId(), now())
    const batches = this.#unsent.splice(0)
    if (fresh) batches.push(fresh)
    if (Object.keys(this.#dropped).length > 0)
      report('samples left out', { dropped: this.#dropped })
    this.#dropped = {}
    for (const batch of batches) {
      const failure = await this.#trySend(batch, send)
      if (failure !== undefined) this.#keep(batch, failure)
    }
  }

  /** @returns the last error, or `undefined` when it was taken */
  async #trySend(batch: Flush, send: SendFlush): Promise<unknown> {
    for (let attempt = 0; ; attempt++) {
      try {
        await send(batch)
        return undefined
      } catch (error) {
        const pause = RETRY_AFTER_MS[attempt]
        if (pause === undefined) return error ?? new Error('the hub failed without an error')
        await this.#options.wait(pause)
      }
    }
  }

  #keep(batch: Flush, error: unknown): void {
    this.#unsent.push(batch)
    const oldest = this.#options.now() - MAX_UNSENT_MS
    const kept = this.#unsent.filter(({ at }) => at >= oldest).slice(-MAX_UNSENT)
    const lost = this.#unsent.length - kept.length
    this.#unsent = kept
    this.#options.report('the hub did not take a flush', {
      error,
      flushId: batch.id,
      kept: kept.length,
      lost,
    })
  }
}
