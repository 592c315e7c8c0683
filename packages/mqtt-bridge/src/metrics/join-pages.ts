/**
 * Joins two pages of the Prometheus text format into one that is still valid: a family may stand there only once, so
 * what both have comes from the first.
 */
export function joinPages(own: string, other: string): string {
  const taken = new Set(familiesOf(own))
  const kept: string[] = []
  let family = ''
  for (const line of other.split('\n')) {
    // OpenMetrics ends so; a plain page has no such line.
    if (line === '# EOF' || line.trim() === '') continue
    const described = DESCRIPTION.exec(line)
    if (described !== null) family = described[1] ?? ''
    else if (!line.startsWith('#')) {
      const name = /^[^{\s]+/.exec(line)?.[0] ?? ''
      if (name !== family && !SUFFIXES.some((suffix) => name === `${family}${suffix}`))
        family = name
    }
    if (!taken.has(family)) kept.push(line)
  }
  const first = own.endsWith('\n') ? own : `${own}\n`
  return kept.length === 0 ? first : `${first}${kept.join('\n')}\n`
}

const DESCRIPTION = /^# (?:HELP|TYPE) (\S+)/
const SUFFIXES = ['_bucket', '_sum', '_count', '_total', '_created']

const familiesOf = (page: string): string[] =>
  page.split('\n').flatMap((line) => DESCRIPTION.exec(line)?.[1] ?? [])
