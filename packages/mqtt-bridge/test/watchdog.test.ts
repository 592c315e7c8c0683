import { Logger } from '@menagerie/core/logger'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type RunningBridge, readSettings, startBridge } from '../src/index.ts'
import { FakeEdge } from './fake-edge.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { waitUntil } from './wait-until.ts'

let broker: ScriptedBroker
let edge: FakeEdge
let bridge: RunningBridge
let lines: string[]

beforeEach(async () => {
  // The clock on the wall alone: sockets and timers go on as ever.
  vi.useFakeTimers({ toFake: ['Date'] })
  lines = []
  broker = await new ScriptedBroker().listen()
  edge = await new FakeEdge().listen()
  const settings = readSettings({
    MQTT_URL: broker.url,
    MQTT_USERNAME: 'bridge',
    MQTT_PASSWORD: 'password',
    EDGE_URL: edge.url,
    REALM: 'menagerie',
    CLIENT_SECRET: 'secret',
    METRICS_PORT: '0',
  })
  const logger = new Logger({ service: 'mqtt-bridge', write: (line) => lines.push(line) })
  bridge = await startBridge(settings, { logger })
  await waitUntil('the bridge is up', async () => {
    return (await fetch(`${bridge.metricsUrl}/health/ready`)).ok
  })
})
afterEach(async () => {
  vi.useRealTimers()
  await bridge.stop()
  await edge.close()
  await broker.close()
})

const payloads = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) =>
    JSON.stringify({ seq: from + index, values: {} }),
  )
const series = async (name: string) => {
  const page = await (await fetch(`${bridge.metricsUrl}/metrics`)).text()
  return page.split('\n').find((line) => line.startsWith(name))
}

it('begins anew with the broker when it is connected and nothing has moved for 30 s, and loses nothing', async () => {
  // It answers, so that nobody is to blame; but only long after.
  edge.mode = { type: 'ok', delayMs: 2_500 }
  broker.deliver('v1/devices/a/telemetry/t', payloads(1, 20))
  await waitUntil('a batch is under way', () => edge.concurrent === 1)
  vi.setSystemTime(Date.now() + 31_000)
  await waitUntil('it has begun anew', () => broker.connects === 2)
  expect(lines.join()).toContain('"verdict":"reconnect"')
  expect(await series('mqtt_bridge_disconnects_total{reason="no progress"}')).toMatch(/ 1$/)
  edge.mode = { type: 'ok' }
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  // Once: what still hangs from before is no reason to give the new connection up too.
  expect(broker.connects).toBe(2)
  expect(broker.pubacks[0]).toEqual([])
  expect(broker.pubacks[1]?.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, index) => index + 1),
  )
  broker.deliver('v1/devices/a/telemetry/t', payloads(21, 30))
  await waitUntil('it goes on', () => edge.numbersOf('a').length === 30)
})

it('fetches another token where the one it had has ended while a request hung', async () => {
  edge.mode = { type: 'cut-before' }
  broker.deliver('v1/devices/a/telemetry/t', payloads(1, 5))
  await waitUntil('the edge has failed', () => lines.join().includes('did not store a batch'))
  const { tokensGiven } = edge
  vi.setSystemTime(Date.now() + 3_600_000)
  edge.mode = { type: 'ok' }
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.tokensGiven).toBeGreaterThan(tokensGiven)
})
