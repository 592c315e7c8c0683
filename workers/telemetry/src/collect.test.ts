import { Line, Logger } from '@menagerie/core'
import { MAX_LABEL_SETS } from '@menagerie/durable-objects/metrics-hub/shared'
import { expect, test } from 'vitest'
import { checkSample, collect, type TailEvent } from './collect.ts'

/** Tail events whose lines the real logger wrote, framed as `wrangler dev` frames them. */
function events(
  write: (line: (message: string) => Line) => void,
  frame = (text: string): unknown => [text],
) {
  const logs: { message: unknown }[] = []
  const logger = new Logger({
    service: 'accounts',
    write: (text) => logs.push({ message: frame(text) }),
  })
  write(() => new Line(logger))
  return [{ logs }]
}
const request = { route: '/users/{id}', method: 'GET', status: 200, durationMs: 12 }
const http = [
  {
    name: 'http_requests_total',
    labels: { service: 'accounts', route: '/users/{id}', method: 'GET', status: '200' },
    value: 1,
  },
  {
    name: 'http_request_duration_seconds',
    labels: { service: 'accounts', route: '/users/{id}', method: 'GET' },
    value: 0.012,
  },
]

test.each([
  ['a list with the line', (text: string) => [text]],
  ['a list with a label before it, as wrangler dev does', (text: string) => ['[worker]', text]],
  ['the line itself', (text: string) => text],
])('a request line counts a request and its duration: %s', (_, frame) => {
  const given = events((line) => line('').end('request', request), frame)
  expect(collect(given, new Map())).toEqual({ samples: http, dropped: {} })
})

test('what rides in a line of any kind is taken', () => {
  const given = events((line) =>
    line('')
      .count('calls_total', { direction: 'outbound', status: 'busy' })
      .count('websocket_connections', { service: 'communications' }, -1)
      .end('message'),
  )
  expect(collect(given, new Map())).toEqual({
    samples: [
      { name: 'calls_total', labels: { direction: 'outbound', status: 'busy' }, value: 1 },
      { name: 'websocket_connections', labels: { service: 'communications' }, value: -1 },
    ],
    dropped: {},
  })
})

test('foreign text is not ours to count, a line that was cut off is', () => {
  const logs = ['started', 17, null, {}, [], ['a', { b: 1 }], '{"msg":"a library"}', '[1]'].map(
    (message) => ({ message }),
  )
  expect(collect([{ logs }], new Map())).toEqual({ samples: [], dropped: {} })
  const cut = [{ logs: [{ message: ['{"service":"accounts","mess'] }] }]
  expect(collect(cut, new Map())).toEqual({ samples: [], dropped: { malformed_line: 1 } })
})

test.each([
  [{ name: 'made_up_total', labels: {}, value: 1 }, 'unknown_series'],
  [{ name: 'toString', labels: {}, value: 1 }, 'unknown_series'],
  [{ labels: {}, value: 1 }, 'unknown_series'],
  [null, 'unknown_series'],
  ['calls_total', 'unknown_series'],
  [{ name: 'sign_ins_total', labels: {}, value: 1 }, 'wrong_labels'],
  [{ name: 'sign_ins_total', value: 1 }, 'wrong_labels'],
  [{ name: 'sign_ins_total', labels: { result: 1 }, value: 1 }, 'wrong_labels'],
  [{ name: 'sign_ins_total', labels: { result: 'ok', user: 'ada' }, value: 1 }, 'wrong_labels'],
  [{ name: 'sign_ins_total', labels: { outcome: 'ok' }, value: 1 }, 'wrong_labels'],
  [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: '1' }, 'bad_value'],
  [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: null }, 'bad_value'],
  [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: Number.NaN }, 'bad_value'],
  [{ name: 'sign_ins_total', labels: { result: 'ok' }, value: -1 }, 'bad_value'],
  [{ name: 'call_duration_seconds', labels: { direction: 'inbound' }, value: -1 }, 'bad_value'],
])('%j is left out as %s', (candidate, reason) => {
  expect(checkSample(candidate)).toBe(reason)
})

test('a bad sample does not take its neighbours with it', () => {
  const message = JSON.stringify({
    service: 'accounts',
    message: 'request',
    ...request,
    durationMs: 'long',
    metrics: [{ name: 'x' }, { name: 'sign_ins_total', labels: { result: 'ok' }, value: 2 }],
  })
  const { samples, dropped } = collect([{ logs: [{ message }] }], new Map())
  expect(samples.map(({ name }) => name)).toEqual(['http_requests_total', 'sign_ins_total'])
  expect(dropped).toEqual({ bad_value: 1, unknown_series: 1 })
})

test('an event of another shape does not take its neighbours with it', () => {
  const odd = [null, {}, { logs: null }, { logs: [null, {}] }] as unknown as TailEvent[]
  const good = events((line) => line('').end('request', request))
  expect(collect([...odd, ...good, ...odd], new Map())).toEqual({ samples: http, dropped: {} })
})

test("a client's own method or an odd status is other", () => {
  const given = events((line) =>
    line('').end('request', { ...request, method: 'BREW', status: 999 }),
  )
  expect(collect(given, new Map()).samples[0]?.labels).toMatchObject({
    method: 'other',
    status: 'other',
  })
})

test('a long label value is cut, and half a character is no character', () => {
  const long = checkSample({
    name: 'sign_ins_total',
    labels: { result: `${'x'.repeat(119)}😀` },
    value: 1,
  })
  expect(long).toMatchObject({ labels: { result: `${'x'.repeat(119)}\u{fffd}` } })
})

test('a flood of label values is counted under other, and known ones go on', () => {
  const seen = new Map()
  const one = (route: string) =>
    collect(
      events((line) => line('').end('request', { ...request, route })),
      seen,
    )
  for (let n = 0; n < MAX_LABEL_SETS; n++) expect(one(`/${n}`).dropped).toEqual({})
  const flood = one('/new')
  expect(flood.dropped).toEqual({ label_overflow: 2 })
  expect(flood.samples[0]?.labels).toEqual({
    service: 'other',
    route: 'other',
    method: 'other',
    status: 'other',
  })
  expect(one('/7').samples[0]?.labels.route).toBe('/7')
})
