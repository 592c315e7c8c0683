import { execFileSync } from 'node:child_process'
import { Logger } from '@menagerie/core/logger'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type RunningBridge, readSettings, startBridge } from '../src/index.ts'
import { FakeEdge } from './fake-edge.ts'
import { ScriptedBroker } from './scripted-broker.ts'
import { settle, waitUntil } from './wait-until.ts'

let broker: ScriptedBroker
let edge: FakeEdge
let bridge: RunningBridge | undefined
let lines: string[]

beforeEach(async () => {
  lines = []
  broker = await new ScriptedBroker().listen()
  edge = await new FakeEdge().listen()
})
afterEach(async () => {
  await bridge?.stop()
  bridge = undefined
  await edge.close()
  await broker.close()
})

async function start(more: Record<string, string> = {}): Promise<RunningBridge> {
  const settings = readSettings({
    MQTT_URL: broker.url,
    MQTT_USERNAME: 'bridge',
    MQTT_PASSWORD: 'password',
    EDGE_URL: edge.url,
    REALM: 'menagerie',
    CLIENT_SECRET: 'canary-secret',
    METRICS_PORT: '0',
    SCRAPE_TOKEN: 'scrape',
    ...more,
  })
  const logger = new Logger({
    service: 'mqtt-bridge',
    level: 'debug',
    write: (line) => lines.push(line),
  })
  bridge = await startBridge(settings, { logger })
  return bridge
}
const isReady = async () => (await fetch(`${bridge?.metricsUrl}/health/ready`)).status === 200
const logged = (text: string) => lines.some((line) => line.includes(text))

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) =>
    JSON.stringify({ seq: from + index, values: { v: 1 } }),
  )
const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const topicOf = (device: string) => `v1/devices/${device}/telemetry/t`

describe.each(['5', '4'])('from the broker to the edge, MQTT version %s', (version) => {
  const settings = { MQTT_PROTOCOL_VERSION: version }

  it('acknowledges what the edge has stored, in the order of arrival, also what waited in the session', async () => {
    for (const device of ['a', 'b', 'c']) broker.deliver(topicOf(device), numbered(1, 150))
    await start(settings)
    await waitUntil('all are acknowledged', () => broker.acknowledged.length === 450)
    expect(broker.acknowledged).toEqual(upTo(450))
    for (const device of ['a', 'b', 'c']) expect(edge.numbersOf(device)).toEqual(upTo(150))
    expect(edge.duplicates).toBe(0)
  })

  it('publishes the newest acknowledgement of each device within 200 ms', async () => {
    await start(settings)
    await waitUntil('the bridge is ready', isReady)
    broker.deliver(topicOf('a'), numbered(1, 30))
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    const storedAt = performance.now()
    await waitUntil('the device is told', () => broker.published.length > 0)
    expect(performance.now() - storedAt).toBeLessThan(200)
    expect(broker.published.map(({ topic, payload }) => [topic, String(payload)])).toEqual([
      ['v1/devices/a/acks', '{"epoch":1,"ackedThrough":30}'],
    ])
  })
})

describe('a message is not acknowledged', () => {
  it.each([
    { type: 'status', status: 500 },
    { type: 'status', status: 507 },
    { type: 'cut-before' },
    { type: 'cut-after' },
    { type: 'malformed' },
  ] as const)('while the edge answers with %j, and is once it does not', async (mode) => {
    edge.mode = mode
    broker.deliver(topicOf('a'), numbered(1, 250))
    await start()
    await waitUntil('the edge has failed', () => logged('did not store a batch'))
    await settle()
    expect(broker.acknowledged).toEqual([])
    expect(await isReady()).toBe(false)
    edge.mode = { type: 'ok' }
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    expect(broker.acknowledged).toEqual(upTo(250))
    expect(edge.numbersOf('a')).toEqual(upTo(250))
    await waitUntil('the bridge is ready', isReady)
  })

  it('with a stale token: a fresh one is fetched and the batch sent again', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    edge.tokensGiven += 5
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    expect(edge.tokensGiven).toBe(7)
  })

  it('on a newer connection than its own, where the number means another message', async () => {
    edge.mode = { type: 'ok', delayMs: 300 }
    broker.deliver(topicOf('a'), numbered(1, 20))
    await start()
    await waitUntil('the batch is under way', () => edge.concurrent === 1)
    broker.cut()
    broker.forget()
    await waitUntil('a new connection stands', () => broker.connects === 2)
    await waitUntil('the old batch is stored', () => edge.numbersOf('a').length === 20)
    await settle()
    expect(broker.acknowledged).toEqual([])
    edge.mode = { type: 'ok' }
    broker.deliver(topicOf('a'), numbered(21, 40))
    await waitUntil('the new ones are acknowledged', () => broker.kept === 0)
    expect(broker.pubacks[1]).toEqual(upTo(20))
    expect(edge.numbersOf('a')).toEqual(upTo(40))
    expect(logged('the broker has forgotten the session')).toBe(true)
  })

  it('when the edge refuses it alone, and its record too: what came before it is stored, and the refusal is loud', async () => {
    edge.refusesRecords = true
    edge.judge = (message) => (message.topic === topicOf('bad') ? 'refuse' : 'ok')
    broker.deliver(topicOf('a'), numbered(1, 20))
    broker.deliver(topicOf('bad'), ['{"poison":true}'])
    broker.deliver(topicOf('a'), numbered(21, 40))
    await start()
    await waitUntil('it is logged', () => logged('refuses a single message'))
    await waitUntil('its predecessors are acknowledged', () => broker.acknowledged.length === 20)
    await settle()
    expect(broker.acknowledged).toEqual(upTo(20))
    edge.judge = () => 'ok'
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    expect(edge.numbersOf('a')).toEqual(upTo(40))
  })
})

it('has the edge record one message in 1,000 that it always refuses, and stores the others within 5 s (G9)', async () => {
  edge.judge = (message) => (message.payload?.includes('poison') ? 'refuse' : 'ok')
  const payloads = numbered(1, 999)
  payloads.splice(500, 0, JSON.stringify({ poison: 'x'.repeat(10_000) }))
  broker.deliver(topicOf('a'), payloads)
  const began = performance.now()
  const { metricsUrl } = await start()
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(edge.numbersOf('a')).toEqual(upTo(999))
  const records = edge.stored.filter(({ truncatedBytes }) => truncatedBytes !== undefined)
  expect(records).toMatchObject([{ topic: topicOf('a'), truncatedBytes: 10_013 }])
  const page = await (await fetch(`${metricsUrl}/metrics`)).text()
  expect(page).toMatch(/^mqtt_bridge_poison_total 1$/m)
  await waitUntil('the bridge is ready', isReady)
})

it('acknowledges a message that the edge rejected and recorded', async () => {
  edge.judge = (message) => (message.payload === 'no json' ? 'reject' : 'ok')
  broker.deliver(topicOf('a'), ['no json', ...numbered(1, 3)])
  await start()
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.numbersOf('a')).toEqual([1, 2, 3])
})

it('takes no more than the limit from the broker while the edge is slow', async () => {
  edge.mode = { type: 'status', status: 503 }
  broker.deliver(topicOf('a'), numbered(1, 2_000))
  const { metricsUrl } = await start({ MAX_IN_FLIGHT: '120' })
  await waitUntil('the edge has failed', () => logged('did not store a batch'))
  await settle()
  const page = await (await fetch(`${metricsUrl}/metrics`)).text()
  expect(page).toMatch(/^mqtt_bridge_inflight 120$/m)
  edge.mode = { type: 'ok' }
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.numbersOf('a')).toEqual(upTo(2_000))
})

it('keeps the order of a device although several batches are under way', async () => {
  edge.mode = { type: 'ok', delayMs: 5 }
  for (let round = 0; round < 20; round++) {
    for (const device of ['a', 'b', 'c', 'd', 'e']) {
      broker.deliver(topicOf(device), numbered(round * 10 + 1, round * 10 + 10))
    }
  }
  await start({ BATCH_SIZE: '20' })
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.mostConcurrent).toBeGreaterThan(1)
  expect(broker.acknowledged).toEqual(upTo(1_000))
  for (const device of ['a', 'b', 'c', 'd', 'e']) expect(edge.numbersOf(device)).toEqual(upTo(200))
})

it('leaves the broker when the edge stays away, and comes back by itself', async () => {
  await start({ MQTT_KEEPALIVE_SECONDS: '2' })
  await waitUntil('the bridge is ready', isReady)
  edge.mode = { type: 'status', status: 500 }
  broker.deliver(topicOf('a'), numbered(1, 10))
  await waitUntil('it has left', () => !broker.isConnected)
  expect(logged('leaving the broker on purpose')).toBe(true)
  broker.deliver(topicOf('a'), numbered(11, 20))
  edge.mode = { type: 'ok' }
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.numbersOf('a')).toEqual(upTo(20))
})

it('carries QoS 0 without an acknowledgement', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  broker.deliverQos0(topicOf('a'), '{"seq":1}')
  await waitUntil('it is stored', () => edge.numbersOf('a').length === 1)
  expect(broker.acknowledged).toEqual([])
})

it('is not ready, and says why, when the broker refuses its subscriptions', async () => {
  broker.subackCode = 0x87
  const { metricsUrl } = await start()
  await waitUntil('it is logged', () => logged('refuses the subscriptions'))
  const ready = await fetch(`${metricsUrl}/health/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.json()).toMatchObject({
    details: { broker: expect.not.stringMatching(/^up$/) },
  })
})

it('stores, acknowledges and tells the devices what it holds before it ends (SIGTERM)', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  edge.mode = { type: 'ok', delayMs: 100 }
  broker.deliver(topicOf('a'), numbered(1, 300))
  await waitUntil('a batch is under way', () => edge.concurrent > 0)
  const began = performance.now()
  await bridge?.stop()
  expect(performance.now() - began).toBeLessThan(5_000)
  const last = edge.numbersOf('a').length
  await waitUntil('the acknowledgements have arrived', () => broker.acknowledged.length === last)
  expect(broker.acknowledged).toEqual(upTo(last))
  const ack = broker.published.findLast(({ topic }) => topic === 'v1/devices/a/acks')
  expect(JSON.parse(String(ack?.payload))).toEqual({ epoch: 1, ackedThrough: last })
})

describe('from the edge to the broker', () => {
  const message = (id: string, topic = 'v1/devices/a/twin/delta') => ({
    id,
    topic,
    payload: { id },
    qos: 1 as const,
    retain: false,
  })
  const publish = (...ids: string[]) =>
    edge.send({ type: 'publish', data: { messages: ids.map((id) => message(id)) } })
  const arrived = () => broker.published.map(({ payload }) => JSON.parse(String(payload)).id)

  it('publishes in order and confirms what the broker has', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    const ids = Array.from({ length: 300 }, (_, index) => `m${index}`)
    publish(...ids.slice(0, 200))
    publish(...ids.slice(200))
    await waitUntil('all are confirmed', () => edge.published.length === 300)
    expect(arrived()).toEqual(ids)
    expect(edge.published).toEqual(ids)
  })

  it('confirms a repeated message without publishing it again', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    publish('m1')
    await waitUntil('it is confirmed', () => edge.published.length === 1)
    edge.socket?.terminate()
    edge.socket = undefined
    await waitUntil('a new socket stands', () => edge.socket !== undefined)
    publish('m1', 'm2')
    await waitUntil('both are confirmed', () => edge.published.length === 3)
    expect(arrived()).toEqual(['m1', 'm2'])
  })

  it('does not confirm what the broker has not acknowledged, and brings it by the next connection in order', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    broker.silent = true
    publish('m1', 'm2')
    await waitUntil('they are written', () => broker.published.length === 2)
    await settle()
    expect(edge.published).toEqual([])
    broker.silent = false
    broker.cut()
    await waitUntil('both are confirmed', () => edge.published.length === 2)
    expect(arrived()).toEqual(['m1', 'm2', 'm1', 'm2'])
  })

  it('carries MQTT 5 properties, and drops what nobody wants any more as if it had been published', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    const expiresAt = (ms: number) => new Date(Date.now() + ms).toISOString()
    const asks = { responseTopic: 'v1/devices/a/commands/c/result', correlationData: btoa('c') }
    edge.send({
      type: 'publish',
      data: {
        messages: [
          { ...message('over'), expiresAt: expiresAt(-1) },
          { ...message('asks'), ...asks, expiresAt: expiresAt(60_000) },
        ],
      },
    })
    await waitUntil('both are confirmed', () => edge.published.length === 2)
    expect(arrived()).toEqual(['asks'])
    const { properties } = broker.published[0] ?? {}
    expect(properties).toEqual({
      responseTopic: asks.responseTopic,
      correlationData: Buffer.from('c'),
      messageExpiryInterval: 60,
    })
  })

  it('drops what has become too old while the broker was away', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    broker.silent = true
    const expiresAt = new Date(Date.now() + 150).toISOString()
    edge.send({ type: 'publish', data: { messages: [{ ...message('soon'), expiresAt }] } })
    await waitUntil('it is written', () => broker.published.length === 1)
    await waitUntil('its time is over', () => Date.now() > Date.parse(expiresAt))
    broker.silent = false
    broker.cut()
    await waitUntil('it is confirmed', () => edge.published.length === 1)
    expect(broker.published).toHaveLength(1)
  })

  it("makes no device known by the bridge's own name", async () => {
    await start({ MQTT_USERNAME: 'bridge-1' })
    await waitUntil('the bridge is ready', isReady)
    edge.send({
      type: 'credentials.set',
      id: 'c1',
      data: { deviceId: 'bridge-1', username: 'bridge-1', password: 'p' },
    })
    await waitUntil('it answers', () => edge.frames.length > 0)
    expect(edge.frames[0]).toMatchObject({
      data: { ok: false, detail: expect.stringMatching(/name/) },
    })
  })

  it('says that it cannot make devices known without an administrator', async () => {
    await start()
    await waitUntil('the bridge is ready', isReady)
    edge.send({
      type: 'credentials.set',
      id: 'c1',
      data: { deviceId: 'a', username: 'a', password: 'p' },
    })
    await waitUntil('it answers', () => edge.frames.length > 0)
    expect(edge.frames[0]).toMatchObject({
      type: 'credentials.done',
      id: 'c1',
      data: { ok: false },
    })
  })
})

describe('a second bridge with the same settings', () => {
  let second: RunningBridge | undefined
  afterEach(async () => {
    await second?.stop()
    second = undefined
  })
  const another = async () => {
    const first = bridge
    second = await start()
    bridge = first
  }
  const health = async (running: RunningBridge | undefined) => {
    const answer = await fetch(`${running?.metricsUrl}/health/ready`)
    return [
      answer.status,
      ((await answer.json()) as { details: { broker: string } }).details.broker,
    ]
  }

  it('stands by away from the broker, ready, and takes over within a second when the first is gone', async () => {
    await start()
    await waitUntil('the first is ready', isReady)
    await another()
    await waitUntil('the second stands by', () => edge.standby.length === 1)
    await settle()
    expect([broker.connects, await health(bridge), await health(second)]).toEqual([
      1,
      [200, 'up'],
      [200, 'standing by'],
    ])
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('the first has stored them', () => broker.kept === 0)
    await bridge?.stop()
    const goneAt = performance.now()
    broker.deliver(topicOf('a'), numbered(11, 20))
    await waitUntil('the second has stored the others', () => broker.kept === 0)
    expect(performance.now() - goneAt).toBeLessThan(1_000)
    expect(edge.numbersOf('a')).toEqual(upTo(20))
    expect(await health(second)).toEqual([200, 'up'])
  })

  it('sends the first away when the edge has lost sight of it, and that one stays away', async () => {
    await start()
    await waitUntil('the first is ready', isReady)
    await another()
    await waitUntil('the second stands by', () => edge.standby.length === 1)
    edge.socket?.close(4409)
    await waitUntil('the second is at the broker', () => broker.connects >= 2)
    await waitUntil('the first stands by', async () => (await health(bridge))[1] === 'standing by')
    const { connects } = broker
    await settle()
    expect(broker.connects).toBe(connects)
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('they are stored', () => broker.kept === 0)
    expect(await health(second)).toEqual([200, 'up'])
  })
})

it('takes its own place at the edge at once when its socket was cut', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  edge.socket?.terminate()
  await waitUntil('it has the link again', () => edge.generation === 2)
  await waitUntil('the bridge is ready', isReady)
  expect(broker.connects).toBe(1)
})

describe('the page of metrics', () => {
  it('holds the bridge’s series and the gateway’s', async () => {
    const { metricsUrl } = await start()
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('all are acknowledged', () => broker.kept === 0)
    const page = await (await fetch(`${metricsUrl}/metrics`)).text()
    expect(page).toMatch(/^mqtt_messages_total\{direction="up",qos="1"\} 10$/m)
    expect(page).toMatch(/^mqtt_bridge_lag_seconds_count 10$/m)
    expect(page).toMatch(/^build_info\{version="1"\} 1$/m)
  })

  const promtool = findPromtool()
  it(
    promtool ? 'is accepted by promtool' : 'ends with a line feed (no promtool here)',
    async () => {
      const { metricsUrl } = await start()
      await waitUntil('the bridge is ready', isReady)
      const page = await (await fetch(`${metricsUrl}/metrics`)).text()
      expect(page.endsWith('\n')).toBe(true)
      if (promtool) execFileSync(promtool, ['check', 'metrics'], { input: page })
    },
  )
})

it('writes no secret to its log', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  await bridge?.stop()
  expect(lines.join()).not.toMatch(/canary-secret|token-\d|"password":"(?!\[masked)/)
})

function findPromtool(): string | undefined {
  try {
    execFileSync('promtool', ['--version'], { stdio: 'ignore' })
    return 'promtool'
  } catch {
    return undefined
  }
}

it('warns once of what keeps it from working, such as a wrong secret, and not with each attempt', async () => {
  edge.refuseTokens = true
  await start()
  const warnings = () =>
    lines.filter((line) => line.includes('"warn"') && line.includes('gave no token'))
  const attempts = () => lines.filter((line) => line.includes('gave no token'))
  await waitUntil('it has tried several times', () => attempts().length >= 3)
  expect(warnings()).toHaveLength(1)
  expect(await isReady()).toBe(false)
  edge.refuseTokens = false
  await waitUntil('the bridge is ready', isReady)
})
