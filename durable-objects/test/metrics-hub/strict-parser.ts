/** A family as a scraper reads it. */
export interface ParsedFamily {
  type: string
  help: string
  samples: { name: string; labels: Record<string, string>; value: number }[]
}

const metricName = '[a-zA-Z_:][a-zA-Z0-9_:]*'
const sampleLine = new RegExp(`^(${metricName})(?:\\{(.*)\\})? (\\S+)$`)

/**
 * Reads Prometheus' text format 0.0.4 and refuses whatever the format, or a good exporter, does not allow: a family in two
 * places, a sample without its family, a sample twice, labels that do not parse, a histogram whose buckets fall or
 * disagree with its count.
 *
 * @throws Error naming the line
 */
export function parseStrictly(text: string): Map<string, ParsedFamily> {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line must end')
  const families = new Map<string, ParsedFamily>()
  const seen = new Set<string>()
  let current: [string, ParsedFamily] | undefined
  let help: [string, string] | undefined
  for (const line of text.split('\n').slice(0, -1)) {
    const refuse = (why: string) => new Error(`${why}: ${line}`)
    const helpLine = line.match(new RegExp(`^# HELP (${metricName}) (.*)$`))
    const typeLine = line.match(
      new RegExp(`^# TYPE (${metricName}) (counter|gauge|histogram|summary|untyped)$`),
    )
    if (helpLine) {
      if (!/^(?:[^\\]|\\[\\n])*$/.test(helpLine[2] ?? '')) throw refuse('bad escape')
      help = [helpLine[1] ?? '', helpLine[2] ?? '']
    } else if (typeLine) {
      const name = typeLine[1] ?? ''
      if (families.has(name)) throw refuse('a family stands twice')
      if (help?.[0] !== name) throw refuse('HELP is missing')
      current = [name, { type: typeLine[2] ?? '', help: help[1], samples: [] }]
      families.set(...current)
    } else {
      const parts = line.match(sampleLine)
      if (!parts || !current) throw refuse('no sample')
      const [, name = '', labelText = '', number = ''] = parts
      const labels = parseLabels(labelText, refuse)
      if (!belongs(name, current, labels)) throw refuse('not of this family')
      const key = `${name} ${JSON.stringify(labels)}`
      if (seen.has(key)) throw refuse('a sample stands twice')
      seen.add(key)
      current[1].samples.push({ name, labels, value: parseNumber(number, refuse) })
    }
  }
  for (const [name, family] of families) checkFamily(name, family)
  return families
}

function belongs(
  name: string,
  [family, { type }]: [string, ParsedFamily],
  labels: Record<string, string>,
): boolean {
  if (type !== 'histogram') return name === family && !('le' in labels)
  if (name === `${family}_bucket`) return 'le' in labels
  return (name === `${family}_sum` || name === `${family}_count`) && !('le' in labels)
}

function parseLabels(text: string, refuse: (why: string) => Error): Record<string, string> {
  const labels: Record<string, string> = {}
  let rest = text
  while (rest !== '') {
    const pair = rest.match(/^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(,(?=.)|$)/)
    if (!pair) throw refuse('bad labels')
    const [all, name = '', value = ''] = pair
    if (name in labels) throw refuse('a label stands twice')
    labels[name] = value.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c))
    rest = rest.slice(all.length)
  }
  return labels
}

function parseNumber(text: string, refuse: (why: string) => Error): number {
  if (text === '+Inf') return Number.POSITIVE_INFINITY
  if (!/^-?\d+(\.\d+)?(e[+-]?\d+)?$/.test(text)) throw refuse('bad number')
  return Number(text)
}

function checkFamily(name: string, { type, help, samples }: ParsedFamily): void {
  if (help === '') throw new Error(`${name} has no help`)
  if (samples.length === 0) throw new Error(`${name} has no samples`)
  if (type === 'counter' && samples.some(({ value }) => value < 0)) throw new Error(`${name} < 0`)
  if (type !== 'histogram') return
  const sets = Map.groupBy(samples, ({ labels: { le: _, ...labels } }) => JSON.stringify(labels))
  for (const [labels, set] of sets) {
    const buckets = set.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map(({ labels: { le } }) => (le === '+Inf' ? Infinity : Number(le)))
    const rising = (values: number[], strictly: boolean) =>
      values.every((value, n) => n === 0 || value - (values[n - 1] ?? 0) >= (strictly ? 1e-12 : 0))
    const count = set.find((sample) => sample.name === `${name}_count`)?.value
    if (!rising(bounds, true) || bounds.at(-1) !== Infinity)
      throw new Error(`${name}${labels}: bounds`)
    if (
      !rising(
        buckets.map(({ value }) => value),
        false,
      )
    )
      throw new Error(`${name}${labels}: falls`)
    if (buckets.at(-1)?.value !== count) throw new Error(`${name}${labels}: +Inf is not the count`)
    if (!set.some((sample) => sample.name === `${name}_sum`)) throw new Error(`${name}: no sum`)
  }
}
