import { describe, expect, it } from 'vitest'
import {
  aBridgeForEachTest,
  broker,
  edge,
  isReady,
  logged,
  numbered,
  start,
  topicOf,
} from './bridge-rig.ts'
import { settle, waitUntil } from './wait-until.ts'

aBridgeForEachTest()

const publisher = { MQTT_PUBLISHER_USERNAME: 'publisher', MQTT_PUBLISHER_PASSWORD: 'password' }

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

  it.each([
    ['the session', {}],
    ['a connection of its own', publisher],
  ])('publishes in order and confirms what the broker has, by %s', async (_, more) => {
    await start(more)
    await waitUntil('the bridge is ready', isReady)
    const ids = Array.from({ length: 300 }, (_, index) => `m${index}`)
    publish(...ids.slice(0, 200))
    publish(...ids.slice(200))
    await waitUntil('all are confirmed', () => edge.published.length === 300)
    expect(arrived()).toEqual(ids)
    expect(edge.published).toEqual(ids)
  })

  it('confirms while the broker has more from devices than the bridge can take', async () => {
    // One connection for both would leave the broker's acknowledgement unread behind what the devices have sent.
    await start({ MAX_IN_FLIGHT: '1', ...publisher })
    await waitUntil('the bridge is ready', isReady)
    edge.mode = { type: 'status', status: 503 }
    broker.deliver(topicOf('a'), numbered(1, 50))
    await waitUntil('the edge has refused some', () => logged('the edge did not store'))
    publish('m1', 'm2')
    await waitUntil('both are confirmed', () => edge.published.length === 2)
    expect(broker.acknowledged).toEqual([])
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

  it.each([
    ['session', {}],
    ['publisher', publisher],
  ])(
    'does not confirm what the broker has not acknowledged, and brings it by the next connection of the %s in order',
    async (_, more) => {
      await start(more)
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
    },
  )

  it.each([
    ['session', {}],
    ['publisher', publisher],
  ])(
    'publishes an acknowledgement again that was under way when the connection of the %s fell silent',
    async (_, more) => {
      await start({ MQTT_KEEPALIVE_SECONDS: '2', ...more })
      await waitUntil('the bridge is ready', isReady)
      broker.silent = true
      broker.deliver(topicOf('a'), numbered(1, 1))
      await waitUntil('it is written', () => broker.published.length === 1)
      await waitUntil('the connection is given up', () => logged('has ended'))
      broker.silent = false
      await waitUntil('it is written again', () => broker.published.length === 2)
      expect(JSON.parse(String(broker.published[1]?.payload))).toMatchObject({ ackedThrough: 1 })
      expect(logged('refuses an acknowledgement')).toBe(false)
    },
  )

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
