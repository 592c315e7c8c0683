import { durationBuckets, type MetricSample, series } from '@menagerie/contracts'
import {
  type HistogramDelta,
  labelKey,
  type SeriesDelta,
} from '@menagerie/durable-objects/metrics-hub/shared'

/** The sums of some time, under an id by which a repeat is known. */
export interface Flush {
  id: string
  at: number
  deltas: SeriesDelta[]
}

/** Events after which the sums go at once. */
export const FULL_AFTER_EVENTS = 100

/** Sums samples in memory. Pure but for what it holds: time and ids are given. */
export class MetricsBuffer {
  #deltas = new Map<string, SeriesDelta>()
  #events = 0

  /** @param events how many tail events the samples come from */
  add(samples: readonly MetricSample[], events: number): void {
    this.#events += events
    for (const sample of samples) this.#addSample(sample)
  }

  get full(): boolean {
    return this.#events >= FULL_AFTER_EVENTS
  }

  /** Hands over what was summed and begins anew; `undefined` where there is nothing. */
  take(id: string, at: number): Flush | undefined {
    const deltas = [...this.#deltas.values()]
    this.#deltas = new Map()
    this.#events = 0
    return deltas.length === 0 ? undefined : { id, at, deltas }
  }

  #addSample({ name, labels, value }: MetricSample): void {
    const key = `${name}\n${labelKey(labels)}`
    const known = this.#deltas.get(key)
    if (series[name].kind === 'histogram') {
      const delta: HistogramDelta =
        known?.kind === 'histogram'
          ? known
          : { kind: 'histogram', name, labels, sum: 0, count: 0, buckets: [] }
      observe(delta, value)
      this.#deltas.set(key, delta)
    } else {
      const sum = known?.kind === 'sum' ? known.value : 0
      this.#deltas.set(key, { kind: 'sum', name, labels, value: sum + value })
    }
  }
}

/** Adds one observation to the lowest bucket that holds it: a bound belongs to its bucket (`le`). */
function observe(delta: HistogramDelta, value: number): void {
  delta.sum += value
  delta.count += 1
  const bounds: readonly number[] = durationBuckets[delta.name as keyof typeof durationBuckets]
  const bound = bounds.find((upper) => value <= upper)
  if (bound === undefined) return
  const bucket = delta.buckets.find(([upper]) => upper === bound)
  if (bucket) bucket[1] += 1
  else delta.buckets.push([bound, 1])
}
