import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DevicesOptions, type RunningDevices, startDevices } from '../src/devices/devices.ts'
import { brokers, cuttable } from './brokers.ts'
import { Edge, eventually, registry } from './edge.ts'

describe.each(brokers)('simulated devices at $name', ({ protocolVersion, start }) => {
  let broker: Awaited<ReturnType<typeof start>>
  let wire: Awaited<ReturnType<typeof cuttable>>
  let gateway: Awaited<ReturnType<typeof registry>>
  let edge: Edge
  let devices: RunningDevices | undefined

  beforeEach(async () => {
    broker = await start()
    wire = await cuttable(broker.port)
    gateway = await registry()
    edge = await Edge.at(broker.port, protocolVersion)
  })
  afterEach(async () => {
    try {
      await devices?.stop()
      await edge.stop()
      await wire.stop()
      await gateway.stop()
    } finally {
      devices = undefined
      // A process of its own: whatever went wrong, it must not stay.
      await broker.stop()
    }
  })

  const begin = async (more: Partial<DevicesOptions> = {}) => {
    devices = await startDevices({
      gatewayUrl: gateway.url,
      mqttUrl: `mqtt://127.0.0.1:${wire.port}`,
      protocolVersion,
      count: 1,
      username: 'admin@menagerie.example',
      password: 'secret',
      totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      ratePerSecond: 50,
      resendAfterMs: 100,
      ...more,
    })
    return devices
  }

  test('are registered, come online and send numbered telemetry, of which all is confirmed', async () => {
    const running = await begin({ count: 5 })
    expect(running.ids).toHaveLength(5)
    expect(gateway.asked).toContain('POST /devices/lab-5/credentials')
    for (const id of running.ids)
      await eventually(() => expect(edge.numbersOf(id).length).toBeGreaterThan(5))
    const { made, confirmed, waiting } = await running.settle(5_000)
    expect([confirmed, waiting]).toEqual([made, 0])
    const numbers = edge.numbersOf('lab-1')
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
    expect(
      edge.received.find(({ topic }) => topic.endsWith('lab-1/telemetry/climate'))?.body,
    ).toEqual({
      seq: 1,
      epoch: expect.any(Number),
      time: expect.stringMatching(/Z$/),
      values: { temperature: expect.any(Number), humidity: expect.any(Number) },
    })
    await running.stop()
    await eventually(() =>
      expect(edge.presenceOf('lab-1').map(({ state }) => state)).toEqual(['online', 'offline']),
    )
  })

  test('send again what nobody confirms, until somebody does', async () => {
    edge.confirming = false
    const running = await begin()
    const firsts = () => edge.received.filter(({ body }) => body.seq === 1)
    await eventually(() => expect(firsts().length).toBeGreaterThan(2))
    expect(running.counts().confirmed).toBe(0)
    edge.confirming = true
    expect((await running.settle(5_000)).waiting).toBe(0)
  })

  test('whose wire is cut are said to be offline by their last will, come back under another session and lose nothing', async () => {
    const running = await begin()
    await eventually(() => expect(edge.numbersOf('lab-1').length).toBeGreaterThan(3))
    wire.cut()
    await eventually(() =>
      expect(edge.presenceOf('lab-1')).toContainEqual(
        expect.objectContaining({ state: 'offline' }),
      ),
    )
    await eventually(() => expect(running.counts().connected).toBe(1))
    const { made, confirmed, waiting } = await running.settle(5_000)
    expect([confirmed, waiting]).toEqual([made, 0])
    expect(edge.numbersOf('lab-1')).toHaveLength(made)
    await eventually(() => expect(edge.presenceOf('lab-1').at(-1)?.state).toBe('online'))
    const sessions = edge.presenceOf('lab-1').map(({ state, session }) => [state, session])
    expect(sessions[1]).toEqual(['offline', sessions[0]?.[1]])
    expect(sessions.at(-1)?.[1]).not.toBe(sessions[0]?.[1])
  })

  test('report what they are asked to be', async () => {
    await begin()
    await eventually(() => expect(edge.numbersOf('lab-1').length).toBeGreaterThan(1))
    edge.send('v1/devices/lab-1/twin/delta', { version: 3, state: { fan: 'on' } })
    await eventually(() =>
      expect(edge.received).toContainEqual(
        expect.objectContaining({
          topic: 'v1/devices/lab-1/twin/reported',
          body: { state: { fan: 'on' } },
        }),
      ),
    )
  })

  test('carry out a command once, however often it comes, and tell it each time', async () => {
    const running = await begin()
    await eventually(() => expect(edge.numbersOf('lab-1').length).toBeGreaterThan(1))
    const topic = 'v1/devices/lab-1/commands/c1'
    const answers = (kind: string) =>
      edge.received.filter((one) => one.topic === `${topic}/${kind}`).map(({ body }) => body)
    edge.send(topic, { name: 'blink', payload: { times: 3 } })
    edge.send(topic, { name: 'blink', payload: { times: 3 } })
    await eventually(() => expect(answers('result')).toHaveLength(1))
    edge.send(topic, { name: 'blink', payload: { times: 3 } })
    await eventually(() => expect(answers('result')).toHaveLength(2))
    const done = { status: 'succeeded', result: { did: 'blink', payload: { times: 3 } } }
    expect(answers('result')).toEqual([done, done])
    expect(answers('ack')).toEqual(Array(3).fill({ status: 'accepted' }))
    expect(answers('progress')).toHaveLength(1)
    expect(running.counts().commands).toBe(1)
    edge.send('v1/devices/lab-1/commands/c2', { name: 'fail', payload: {} })
    await eventually(() =>
      expect(edge.received).toContainEqual(
        expect.objectContaining({
          topic: 'v1/devices/lab-1/commands/c2/result',
          body: expect.objectContaining({ status: 'failed' }),
        }),
      ),
    )
  })

  test('that sleep say so, get what came meanwhile and measure nothing in their sleep', async () => {
    const running = await begin({ sleepSeconds: 0.4 })
    await eventually(() => expect(running.counts().asleep).toBe(1))
    await eventually(() => expect(edge.presenceOf('lab-1').at(-1)?.state).toBe('offline'))
    edge.send('v1/devices/lab-1/commands/c1', { name: 'blink', payload: {} })
    await eventually(() => expect(running.counts().commands).toBe(1))
    await eventually(() =>
      expect(
        edge
          .presenceOf('lab-1')
          .map(({ state }) => state)
          .slice(0, 3),
      ).toEqual(['online', 'offline', 'online']),
    )
    const { made, confirmed, waiting } = await running.settle(5_000)
    expect([confirmed, waiting]).toEqual([made, 0])
  })

  test('whose connections are lost all the time lose nothing', async () => {
    const running = await begin({ count: 5, dropsPerMinute: 60 })
    await eventually(() =>
      expect(
        edge.presenceOf('lab-1').filter(({ state }) => state === 'offline').length,
      ).toBeGreaterThan(0),
    )
    const { made, confirmed, waiting } = await running.settle(5_000)
    expect([confirmed, waiting]).toEqual([made, 0])
  })

  test('have clocks that are off, by no more than they may', async () => {
    await begin({ count: 8, skewSeconds: 3_600 })
    await eventually(() => expect(edge.numbersOf('lab-8').length).toBeGreaterThan(0))
    const offs = edge.received
      .filter(({ topic }) => topic.endsWith('/telemetry/climate'))
      .map(({ body }) => Math.abs(Date.parse(String(body.time)) - Date.now()))
    expect(Math.max(...offs)).toBeGreaterThan(60_000)
    expect(Math.max(...offs)).toBeLessThanOrEqual(3_610_000)
  })

  test('go on where they stopped: password, numbering and what was not confirmed', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lab-devices-'))
    try {
      edge.confirming = false
      const first = await begin({ dataDir })
      await eventually(() => expect(edge.numbersOf('lab-1').length).toBeGreaterThan(2))
      await first.stop()
      const { waiting } = first.counts()
      const asked = gateway.asked.length
      edge.confirming = true
      const second = await begin({ dataDir })
      expect(gateway.asked.slice(asked)).toEqual(['POST /auth/login', 'POST /auth/logout'])
      await eventually(() => expect(second.counts().made).toBeGreaterThan(2))
      const counts = await second.settle(5_000)
      expect(counts.confirmed).toBe(waiting + counts.made)
      expect(new Set(edge.received.map(({ body }) => body.epoch).filter(Boolean)).size).toBe(1)
      await second.stop()
    } finally {
      rmSync(dataDir, { recursive: true })
    }
  })
})

describe('devices that cannot be registered', () => {
  const [broker] = brokers
  if (broker === undefined) throw new Error('There is always the embedded broker')

  test('are told by name; the others run, and what may pass is tried again', async () => {
    const running = await broker.start()
    const gateway = await registry()
    gateway.problems.push(
      { status: 429, code: 'too_many_requests' },
      { status: 403, code: 'forbidden' },
    )
    const lines: string[] = []
    const devices = await startDevices({
      gatewayUrl: gateway.url,
      mqttUrl: `mqtt://127.0.0.1:${running.port}`,
      protocolVersion: broker.protocolVersion,
      count: 6,
      username: 'admin@menagerie.example',
      password: 'secret',
      totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      say: (line) => lines.push(line),
    })
    // The registry knows those past the third already, which is no reason to give up.
    expect(devices.ids).toHaveLength(5)
    expect(devices.failed).toMatchObject([{ reason: 'forbidden: forbidden' }])
    expect(lines).toContain(`${devices.failed[0]?.id}: forbidden: forbidden`)
    expect(lines.at(-1)).toBe('5 of 6 devices are connected')
    await devices.stop()
    await gateway.stop()
    await running.stop()
  })

  test('get a new password where the broker does not take the one of an earlier run', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'lab-devices-'))
    const kept = { 'lab-1': { password: 'old' } }
    writeFileSync(join(dataDir, 'lab-devices.json'), JSON.stringify(kept))
    // The one that the registry gives.
    const running = await broker.start('p')
    const gateway = await registry()
    const devices = await startDevices({
      gatewayUrl: gateway.url,
      mqttUrl: `mqtt://127.0.0.1:${running.port}`,
      protocolVersion: broker.protocolVersion,
      count: 1,
      username: 'admin@menagerie.example',
      password: 'secret',
      totpSecret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      dataDir,
    })
    expect(devices.counts().connected).toBe(1)
    expect(gateway.asked).toContain('POST /devices/lab-1/credentials')
    await devices.stop()
    await gateway.stop()
    await running.stop()
    const now = JSON.parse(readFileSync(join(dataDir, 'lab-devices.json'), 'utf8'))
    expect(now['lab-1'].password).toBe('p')
    rmSync(dataDir, { recursive: true })
  })
})
