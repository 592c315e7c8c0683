import { type MetricSample, type SeriesName, series } from '@menagerie/contracts'
import { labelKey, limitLabels } from '@menagerie/durable-objects/metrics-hub/shared'
import { readLine } from './read-line.ts'

/** What of a tail event is read. */
export interface TailEvent {
  readonly logs: readonly { readonly message: unknown }[]
}

/** Why something was left out. */
export const dropReasons = [
  'malformed_line',
  'unknown_series',
  'wrong_labels',
  'bad_value',
  'label_overflow',
] as const
export type DropReason = (typeof dropReasons)[number]
/** `label_overflow` counts samples that were kept under `other`; the rest were left out. */
export type Dropped = Partial<Record<DropReason, number>>

export interface Collected {
  samples: MetricSample[]
  dropped: Dropped
}

/** Label values are cut here: a pattern or a name is shorter, what is longer was made up. */
const MAX_LABEL_LENGTH = 120

/** The label sets this isolate has seen, by series; the hub keeps the same limit over all isolates. */
export type SeenLabels = Map<SeriesName, Set<string>>

/**
 * Turns tail events into samples: `http_*` from `request` lines, the rest from the `metrics` that ride in any line.
 * What does not fit the declared series is counted and left out; nothing is thrown.
 *
 * @param seen added to
 */
export function collect(events: readonly TailEvent[], seen: SeenLabels): Collected {
  const samples: MetricSample[] = []
  const dropped: Dropped = {}
  const drop = (reason: DropReason) => {
    dropped[reason] = (dropped[reason] ?? 0) + 1
  }
  for (const event of events)
    for (const log of event?.logs ?? []) {
      const line = readLine(log?.message)
      switch (line.kind) {
        case 'other':
          continue
        case 'malformed':
          drop('malformed_line')
          continue
        case 'line':
          for (const candidate of line.samples) {
            const checked = checkSample(candidate)
            if (typeof checked === 'string') drop(checked)
            else samples.push(limit(checked, seen, drop))
          }
      }
    }
  return { samples, dropped }
}

/** A sample as the declared series wants it, or why it is none. */
export function checkSample(candidate: unknown): MetricSample | DropReason {
  if (typeof candidate !== 'object' || candidate === null) return 'unknown_series'
  const { name, labels, value } = candidate as Record<string, unknown>
  if (typeof name !== 'string' || !Object.hasOwn(series, name)) return 'unknown_series'
  const { kind, labels: declared } = series[name as SeriesName]
  const cut = cutLabels(labels, declared)
  if (!cut) return 'wrong_labels'
  if (typeof value !== 'number' || !Number.isFinite(value)) return 'bad_value'
  // Only a gauge may go down: a counter never does, and a duration below 0 is a clock's fault.
  if (value < 0 && kind !== 'gauge') return 'bad_value'
  return { name: name as SeriesName, labels: cut, value }
}

function cutLabels(
  labels: unknown,
  declared: readonly string[],
): Record<string, string> | undefined {
  if (typeof labels !== 'object' || labels === null) return undefined
  if (Object.keys(labels).length !== declared.length) return undefined
  const cut: Record<string, string> = {}
  for (const name of declared) {
    const value = (labels as Record<string, unknown>)[name]
    if (typeof value !== 'string') return undefined
    cut[name] = value.slice(0, MAX_LABEL_LENGTH).toWellFormed()
  }
  return cut
}

function limit(
  sample: MetricSample,
  seen: SeenLabels,
  drop: (reason: DropReason) => void,
): MetricSample {
  const known = seen.get(sample.name) ?? new Set<string>()
  seen.set(sample.name, known)
  const labels = limitLabels(sample.labels, known.has(labelKey(sample.labels)), known.size)
  if (labels === sample.labels) known.add(labelKey(labels))
  else drop('label_overflow')
  return { ...sample, labels }
}
