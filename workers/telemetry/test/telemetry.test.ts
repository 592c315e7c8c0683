import { createExecutionContext, evictDurableObject, waitOnExecutionContext } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { Line, Logger } from '@menagerie/core'
import { metricsHubName, type SeriesDelta } from '@menagerie/durable-objects/metrics-hub'
import { expect, test, vi } from 'vitest'
import worker from '../src/index.ts'

/** Tail events as workerd hands them over; only their logs are read. */
function tailEvents(count: number, write: (line: Line) => void): TraceItem[] {
  return Array.from({ length: count }, () => {
    const logs: { message: string[] }[] = []
    write(
      new Line(new Logger({ service: 'gateway', write: (text) => logs.push({ message: [text] }) })),
    )
    return { logs } as unknown as TraceItem
  })
}
async function tail(events: TraceItem[]) {
  const context = createExecutionContext()
  worker.tail(events, env, context)
  await waitOnExecutionContext(context)
}
const request = { route: '/calls/{id}', method: 'GET', status: 200, durationMs: 20 }
const hub = () => env.METRICS_HUB.getByName(metricsHubName)
const fresh = () => env.METRICS_HUB.getByName(crypto.randomUUID())
const signIns = (value: number): SeriesDelta => ({
  kind: 'sum',
  name: 'sign_ins_total',
  labels: { result: 'ok' },
  value,
})
const build = { name: 'build_info', labels: { version: '0.1.0' }, value: 1 } as const

test('request lines of tail events stand in the hub as counters and buckets', async () => {
  await tail(tailEvents(100, (line) => line.end('request', request)))
  const text = await hub().render([build])
  expect(text.split('\n')).toEqual(
    expect.arrayContaining([
      '# TYPE http_requests_total counter',
      'http_requests_total{method="GET",route="/calls/{id}",service="gateway",status="200"} 100',
      'http_request_duration_seconds_bucket{method="GET",route="/calls/{id}",service="gateway",le="0.01"} 0',
      'http_request_duration_seconds_bucket{method="GET",route="/calls/{id}",service="gateway",le="0.025"} 100',
      'http_request_duration_seconds_count{method="GET",route="/calls/{id}",service="gateway"} 100',
      'build_info{version="0.1.0"} 1',
    ]),
  )
})

test('a single event arrives too, after the second in which more might come', async () => {
  await tail(
    tailEvents(1, (line) => line.count('sign_ins_total', { result: 'one' }).end('message')),
  )
  await vi.waitFor(async () =>
    expect(await hub().render([])).toContain('sign_ins_total{result="one"} 1\n'),
  )
})

test('what cannot even be read is a line of its own and is not thrown', async () => {
  const written = vi.spyOn(console, 'log').mockImplementation(() => undefined)
  await tail([{ logs: 5 }] as unknown as TraceItem[])
  const line = JSON.parse(String(written.mock.lastCall?.[0]))
  written.mockRestore()
  expect(line).toMatchObject({ service: 'telemetry', level: 'error' })
})

test('counters outlive the object in memory, and a repeated flush counts once', async () => {
  const stub = fresh()
  expect(await stub.record('f1', [signIns(2)])).toEqual({ recorded: true })
  await evictDurableObject(stub)
  expect(await stub.record('f1', [signIns(2)])).toEqual({ recorded: false })
  expect(await stub.record('f2', [signIns(1)])).toEqual({ recorded: true })
  expect(await stub.render([])).toContain('sign_ins_total{result="ok"} 3\n')
})

test('two isolates may record at the same time', async () => {
  const stub = fresh()
  await Promise.all(Array.from({ length: 50 }, (_, n) => stub.record(`f${n % 25}`, [signIns(1)])))
  expect(await stub.render([])).toContain('sign_ins_total{result="ok"} 25\n')
})

test('a hub that was never written to shows the gauges it is given', async () => {
  expect(await fresh().render([build])).toBe(
    '# HELP build_info Always 1; the label tells the version.\n# TYPE build_info gauge\nbuild_info{version="0.1.0"} 1\n',
  )
})
