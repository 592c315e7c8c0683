import { describe, expect, it } from 'vitest'
import {
  aBridgeForEachTest,
  bridge,
  broker,
  edge,
  isReady,
  logged,
  numbered,
  start,
  topicOf,
  upTo,
} from './bridge-rig.ts'
import { settle, waitUntil } from './wait-until.ts'

aBridgeForEachTest()

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
