import type { MetricSample, SeriesName } from '@menagerie/contracts'
import type { Labels } from './labels.ts'

/** What one series has gained since the flush before. A gauge's change may be negative. */
export interface SumDelta {
  kind: 'sum'
  name: SeriesName
  labels: Labels
  value: number
}

/** Observations since the flush before. */
export interface HistogramDelta {
  kind: 'histogram'
  name: SeriesName
  labels: Labels
  sum: number
  count: number
  /** How many fell into each bucket and no lower one: `[upper bound, observations]`; above the last bound, none. */
  buckets: [bound: number, observations: number][]
}

export type SeriesDelta = SumDelta | HistogramDelta

/** A gauge as its owner answered at the moment of a scrape. */
export type GaugeReading = MetricSample
