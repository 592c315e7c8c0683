import type { Labels } from './labels.ts'

export interface ValueSample {
  labels: Labels
  value: number
}

export interface HistogramSample {
  labels: Labels
  sum: number
  count: number
  /** Observations by upper bound, each counted in its own bucket only. */
  buckets: ReadonlyMap<number, number>
}

/** One metric with all its label sets. */
export type Family =
  | { kind: 'counter' | 'gauge'; name: string; help: string; samples: ValueSample[] }
  | {
      kind: 'histogram'
      name: string
      help: string
      bounds: readonly number[]
      samples: HistogramSample[]
    }

/** The media type of the format. */
export const textFormatType = 'text/plain; version=0.0.4; charset=utf-8'

/**
 * Writes Prometheus' text format 0.0.4: families by name, samples by labels, so that two scrapes differ only where
 * numbers do. Buckets are written cumulatively, the last as `+Inf`. A family without samples is left out.
 */
export function renderText(families: readonly Family[]): string {
  return families
    .filter((family) => family.samples.length > 0)
    .sort((a, b) => compare(a.name, b.name))
    .map((family) => [...head(family), ...samplesOf(family)].map((line) => `${line}\n`).join(''))
    .join('')
}

const head = (family: Family) => [
  `# HELP ${family.name} ${family.help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
  `# TYPE ${family.name} ${family.kind}`,
]

function samplesOf(family: Family): string[] {
  switch (family.kind) {
    case 'counter':
    case 'gauge':
      return sorted(family.samples).map(
        ({ labels, value }) => `${family.name}${braces(labels)} ${number(value)}`,
      )
    case 'histogram':
      return sorted(family.samples).flatMap((sample) =>
        histogramLines(family.name, sample, family.bounds),
      )
  }
}

function histogramLines(
  name: string,
  { labels, buckets, sum, count }: HistogramSample,
  declared: readonly number[],
): string[] {
  // Bounds that an older version counted in stay: dropping them would make the higher ones go backwards.
  const bounds = [...new Set([...declared, ...buckets.keys()])].sort((a, b) => a - b)
  let below = 0
  const lines = bounds.map((bound) => {
    below += buckets.get(bound) ?? 0
    return `${name}_bucket${braces(labels, number(bound))} ${number(below)}`
  })
  return [
    ...lines,
    `${name}_bucket${braces(labels, '+Inf')} ${number(count)}`,
    `${name}_sum${braces(labels)} ${number(sum)}`,
    `${name}_count${braces(labels)} ${number(count)}`,
  ]
}

/** By code unit, so that the order is the same wherever it runs. */
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const sorted = <T extends { labels: Labels }>(samples: readonly T[]) =>
  samples
    .map((sample) => ({ sample, text: braces(sample.labels) }))
    .sort((a, b) => compare(a.text, b.text))
    .map(({ sample }) => sample)

function braces(labels: Labels, le?: string): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => compare(a, b))
  if (le !== undefined) pairs.push(['le', le])
  if (pairs.length === 0) return ''
  return `{${pairs.map(([name, value]) => `${name}="${escapeValue(value)}"`).join(',')}}`
}

const escapeValue = (value: string) =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** As Go's ParseFloat reads it. */
function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (Number.isFinite(value)) return String(value)
  return value > 0 ? '+Inf' : '-Inf'
}
