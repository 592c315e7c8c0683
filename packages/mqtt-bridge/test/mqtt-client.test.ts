import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ScriptedBroker } from './scripted-broker.ts'
import { settle, waitUntil } from './wait-until.ts'

/**
 * What the bridge relies on in mqtt.js and what is nowhere promised: a new version of the client must pass here before
 * it may be used.
 */
describe('mqtt.js', () => {
  let broker: ScriptedBroker
  let client: MqttClient | undefined

  beforeEach(async () => {
    broker = await new ScriptedBroker().listen()
  })
  afterEach(async () => {
    client?.end(true)
    await broker.close()
  })

  const connect = (options: mqtt.IClientOptions = {}): MqttClient => {
    client = mqtt.connect(broker.url, {
      protocolVersion: 5,
      clientId: 'contract',
      clean: false,
      reconnectPeriod: 0,
      ...options,
    })
    client.on('error', () => {})
    return client
  }
  const payloads = (count: number) => Array.from({ length: count }, (_, index) => String(index))
  const sendPuback = (messageId: number) =>
    (client as unknown as { _sendPacket(packet: object): void })._sendPacket({
      cmd: 'puback',
      messageId,
      reasonCode: 0,
    })

  it.each([5, 4] as const)(
    'asks handleMessage before it acknowledges, and acknowledges after its callback (MQTT %i)',
    async (protocolVersion) => {
      const waiting: (() => void)[] = []
      broker.deliver('t', ['first', 'second'])
      connect({ protocolVersion }).handleMessage = (_packet, done) => void waiting.push(done)
      await waitUntil('the first is handled', () => waiting.length === 1)
      await settle()
      expect(broker.acknowledged).toEqual([])
      waiting[0]?.()
      await waitUntil('the first is acknowledged', () => broker.acknowledged.length === 1)
      await waitUntil('the second is handled', () => waiting.length === 2)
    },
  )

  it('sends no PUBACK after an error and reads on; _sendPacket acknowledges later, in any order', async () => {
    const seen: number[] = []
    broker.deliver('t', payloads(5))
    connect().handleMessage = (packet, done) => {
      seen.push((packet as { messageId: number }).messageId)
      done(new Error('deferred'))
    }
    await waitUntil('all are handled', () => seen.length === 5)
    expect(broker.acknowledged).toEqual([])
    for (const messageId of [3, 1, 2]) sendPuback(messageId)
    await waitUntil('three are acknowledged', () => broker.acknowledged.length === 3)
    expect(broker.acknowledged).toEqual([3, 1, 2])
  })

  it('gets what it did not acknowledge again by its next connection, and not before', async () => {
    const seen: [number, boolean][] = []
    broker.deliver('t', payloads(3))
    connect({ reconnectPeriod: 20 }).handleMessage = (packet, done) => {
      seen.push([(packet as { messageId: number }).messageId, packet.dup])
      done(new Error('deferred'))
    }
    await waitUntil('all are handled', () => seen.length === 3)
    await settle()
    expect(seen.every(([, dup]) => !dup)).toBe(true)
    broker.cut()
    await waitUntil('all are handled again', () => seen.length === 6)
    expect(seen.slice(3)).toEqual([1, 2, 3].map((messageId) => [messageId, true]))
  })

  it('only tells the broker its receive maximum: what comes beyond it is handled all the same', async () => {
    let handled = 0
    broker.deliver('t', payloads(5))
    connect({ properties: { receiveMaximum: 2 } }).handleMessage = (_packet, done) => {
      handled++
      done(new Error('deferred'))
    }
    await waitUntil('all are handled', () => handled === 5)
    expect(broker.receiveMaximum).toBe(2)
  })

  it('stands still for ever, connected, after a handler that throws: it must not throw', async () => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    try {
      const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
      let handled = 0
      broker.deliver('t', payloads(3))
      const stuck = connect()
      stuck.handleMessage = () => {
        handled++
        throw new Error('a bug')
      }
      expect(await thrown).toMatchObject({ message: 'a bug' })
      await settle()
      expect([handled, stuck.connected, broker.acknowledged]).toEqual([1, true, []])
    } finally {
      for (const listener of others) process.on('uncaughtException', listener)
    }
  })

  it('acknowledges what arrives before a handler that was set after connect: it must be set in the same tick', async () => {
    broker.deliver('t', payloads(10))
    const late = connect()
    await new Promise((resolve) => late.once('connect', resolve))
    await settle()
    late.handleMessage = (_packet, done) => done(new Error('deferred'))
    expect(broker.acknowledged.length).toBeGreaterThan(0)
  })

  it("does not wait for a 'message' listener", async () => {
    connect().on('message', () => new Promise(() => {}))
    broker.deliver('t', payloads(3))
    await waitUntil('all are acknowledged', () => broker.acknowledged.length === 3)
  })

  it('reads nothing more, not even PINGRESP, while a callback is kept, and closes after 1.5 × keepalive', async () => {
    let handled = 0
    let closed = false
    broker.deliver('t', payloads(3))
    const held = connect({ keepalive: 1 })
    held.handleMessage = () => void handled++
    held.on('close', () => {
      closed = true
    })
    await waitUntil('the client closes itself', () => closed)
    expect(broker.pings).toBeGreaterThan(0)
    expect(handled).toBe(1)
  })

  it('sends a PUBACK of an old connection on the new one: the caller must know the connection', async () => {
    let done: (() => void) | undefined
    broker.deliver('t', ['one'])
    const again = connect({ reconnectPeriod: 20 })
    again.handleMessage = (_packet, callback) => {
      done ??= callback
    }
    await waitUntil('it is handled', () => done !== undefined)
    broker.cut()
    broker.forget()
    await waitUntil('a new connection stands', () => broker.connects === 2 && again.connected)
    done?.()
    await waitUntil('the stale PUBACK arrives', () => broker.pubacks[1]?.length === 1)
    expect(broker.pubacks[1]).toEqual([1])
  })
})
