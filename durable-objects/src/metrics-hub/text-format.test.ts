import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { parseStrictly } from '../../test/metrics-hub/strict-parser.ts'
import { type Family, renderText } from './text-format.ts'

const requests: Family = {
  kind: 'counter',
  name: 'http_requests_total',
  help: 'Requests answered.',
  samples: [
    { labels: { status: '201', route: '/b' }, value: 2 },
    { labels: { route: '/a', status: '200' }, value: 1e21 },
  ],
}
const duration: Family = {
  kind: 'histogram',
  name: 'http_request_duration_seconds',
  help: 'Time to answer.',
  bounds: [0.1, 0.5, 1],
  samples: [
    {
      labels: { route: '/a' },
      sum: 3.25,
      count: 6,
      buckets: new Map([
        [1, 1],
        [0.1, 3],
      ]),
    },
  ],
}

test('families and samples are sorted, whatever order they and their labels come in', () => {
  const text = renderText([requests, duration])
  expect(text).toBe(`# HELP http_request_duration_seconds Time to answer.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{route="/a",le="0.1"} 3
http_request_duration_seconds_bucket{route="/a",le="0.5"} 3
http_request_duration_seconds_bucket{route="/a",le="1"} 4
http_request_duration_seconds_bucket{route="/a",le="+Inf"} 6
http_request_duration_seconds_sum{route="/a"} 3.25
http_request_duration_seconds_count{route="/a"} 6
# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{route="/a",status="200"} 1e+21
http_requests_total{route="/b",status="201"} 2
`)
  expect(renderText([duration, { ...requests, samples: requests.samples.toReversed() }])).toBe(text)
})

test('what it writes is read back the same by a strict parser', () => {
  const nasty = 'back\\slash "quoted"\nnew line {a="b"} é\\n'
  const families = parseStrictly(
    renderText([
      requests,
      duration,
      {
        kind: 'gauge',
        name: 'build_info',
        help: 'A \\ and a\nbreak.',
        samples: [{ labels: { version: nasty }, value: 1 }],
      },
      {
        kind: 'gauge',
        name: 'calls_active',
        help: 'No labels.',
        samples: [{ labels: {}, value: 0 }],
      },
    ]),
  )
  expect(families.get('build_info')?.samples[0]?.labels).toEqual({ version: nasty })
  expect(families.get('calls_active')?.samples).toEqual([
    { name: 'calls_active', labels: {}, value: 0 },
  ])
  expect(families.get('http_requests_total')?.samples.map(({ value }) => value)).toEqual([1e21, 2])
})

test('a family without samples is left out, and nothing at all is an empty text', () => {
  expect(renderText([{ ...requests, samples: [] }])).toBe('')
})

test('a bound that only an older version counted in keeps its observations', () => {
  const older = new Map([
    [0.3, 2],
    [0.5, 1],
  ])
  const text = renderText([
    { ...duration, samples: [{ labels: {}, sum: 1, count: 3, buckets: older }] },
  ])
  const buckets = parseStrictly(text).get(duration.name)?.samples.slice(0, 5)
  expect(buckets?.map(({ labels, value }) => [labels.le, value])).toEqual([
    ['0.1', 0],
    ['0.3', 2],
    ['0.5', 3],
    ['1', 3],
    ['+Inf', 3],
  ])
})

test.each([
  ['a sample before its family', 'a_total 1\n'],
  ['a line without an end', '# HELP a A\n# TYPE a gauge\na 1'],
  ['a sample that stands twice', '# HELP a A\n# TYPE a gauge\na 1\na 2\n'],
  ['a quote without escape', '# HELP a A\n# TYPE a gauge\na{b="""} 1\n'],
  [
    'buckets that fall',
    '# HELP a A\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
  ],
  [
    'a histogram without +Inf',
    '# HELP a A\n# TYPE a histogram\na_bucket{le="1"} 1\na_sum 1\na_count 1\n',
  ],
])('the parser of these tests refuses %s', (_, text) => {
  expect(() => parseStrictly(text)).toThrow()
})

test("Prometheus' own checker, where it is installed, has nothing to say", () => {
  const run = spawnSync('promtool', ['check', 'metrics'], {
    input: renderText([requests, duration]),
  })
  const installed = run.error === undefined
  expect(installed ? `${run.status} ${run.stdout}${run.stderr}` : '0 ').toBe('0 ')
})
