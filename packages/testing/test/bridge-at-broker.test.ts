import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMosquitto } from '../src/broker/index.ts'
import { throwawayCertificates } from '../src/broker/throwaway-certificates.ts'
import { waitFor } from '../src/wait-for.ts'
import { BridgeWorld, publish } from './bridge-world.ts'

let world: BridgeWorld
beforeEach(async () => {
  world = await BridgeWorld.open()
})
afterEach(() => world.close())

describe.runIf(findMosquitto() !== undefined)('a bridge at mosquitto', { timeout: 60_000 }, () => {
  it('speaks TLS with a broker that a given authority vouches for, and with no other', async () => {
    const { ca, cert, key } = throwawayCertificates()
    const file = (name: string, text: string) => {
      writeFileSync(join(world.folder.path, name), text)
      return join(world.folder.path, name)
    }
    const at = await world.broker('mosquitto', {
      certfile: file('cert.pem', cert),
      keyfile: file('key.pem', key),
    })
    const MQTT_URL = at.bridgeUrl.replace('mqtt:', 'mqtts:')
    const trusting = await world.bridge(at, { MQTT_URL, MQTT_CA_FILE: file('ca.pem', ca) })
    await trusting.until('up')
    await world.tell('a', 'a', 'password-a')
    await trusting.running.stop()
    for (const env of [{}, { MQTT_CA_FILE: file('other.pem', throwawayCertificates().ca) }]) {
      const doubting = await world.bridge(at, { MQTT_URL, ...env })
      await waitFor(() => doubting.log().includes('the broker cannot be reached'), {
        what: 'the bridge to refuse the broker',
      })
      expect(await doubting.atBroker()).not.toBe('up')
      await doubting.running.stop()
    }
  })

  it('leaves when the edge is away for half a keepalive, comes back by itself, and has lost nothing', async () => {
    const at = await world.broker('mosquitto')
    const bridge = await world.bridge(at, { MQTT_KEEPALIVE_SECONDS: '4' })
    await bridge.until('up')
    const device = await world.device('a', at)
    world.edge.mode = { type: 'status', status: 503 }
    for (let seq = 1; seq <= 50; seq++) await publish(device, seq)
    await bridge.until(/^parked: edge away$/)
    expect((await fetch(`${bridge.url}/health/ready`)).status).toBe(503)
    for (let seq = 51; seq <= 100; seq++) await publish(device, seq)
    world.edge.mode = { type: 'ok' }
    await world.stored(100)
    await bridge.until('up')
    expect(world.edge.numbersOf('a')).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  })

  it('counts and tells that the broker has lost what it kept for it', async () => {
    const at = await world.broker('mosquitto')
    const bridge = await world.bridge(at)
    await bridge.until('up')
    await at.kill()
    rmSync(join(world.folder.path, 'mosquitto/mosquitto.db'), { force: true })
    await at.start()
    await waitFor(async () => (await bridge.series('mqtt_bridge_session_lost_total')) === 1, {
      what: 'the loss to be counted',
    })
    expect(bridge.log()).toContain('the broker has forgotten the session')
  })

  it('makes two passwords of a device good side by side, and cuts off who signed in with one that ends', async () => {
    const at = await world.broker('mosquitto')
    await (await world.bridge(at)).until('up')
    const older = await world.device('a', at)
    const newer = await world.device('a~2', at)
    await publish(older, 1)
    await publish(newer, 2)
    await world.stored(2)
    await world.tell('a', 'a', null)
    await waitFor(() => !older.connected, { what: 'the older connection to end' })
    await publish(newer, 3)
    await world.stored(3)
    await world.tell('a', 'a~2', null)
    await waitFor(() => !newer.connected, { what: 'the newer connection to end' })
    const document = readFileSync(join(world.folder.path, 'mosquitto/dynsec.json'), 'utf8')
    expect(document).not.toContain('device-a')
  })

  it('carries MQTT 5 request and response, and requests to the shadow', async () => {
    const at = await world.broker('mosquitto')
    await (await world.bridge(at)).until('up')
    const device = await world.device('a', at)
    const heard: [string, string | undefined, string | undefined][] = []
    device.on('message', (topic, _payload, { properties }) =>
      heard.push([topic, properties?.responseTopic, properties?.correlationData?.toString()]),
    )
    await device.subscribeAsync(['v1/devices/a/commands/+', '$aws/things/a/shadow/get/accepted'])
    const responseTopic = 'v1/devices/a/commands/c/result'
    const down = { payload: {}, qos: 1 as const, retain: false }
    world.edge.send({
      type: 'publish',
      data: {
        messages: [
          {
            ...down,
            id: '1',
            topic: 'v1/devices/a/commands/c',
            responseTopic,
            correlationData: btoa('c'),
          },
          { ...down, id: '2', topic: '$aws/things/a/shadow/get/accepted' },
        ],
      },
    })
    await waitFor(() => heard.length === 2, { what: 'both to arrive' })
    expect(heard).toEqual([
      ['v1/devices/a/commands/c', responseTopic, 'c'],
      ['$aws/things/a/shadow/get/accepted', undefined, undefined],
    ])
    const properties = {
      responseTopic: 'v1/devices/a/twin/state',
      correlationData: Buffer.from('x'),
    }
    await device.publishAsync('v1/devices/a/twin/get', '{}', { qos: 1, properties })
    for (const request of ['get', 'update', 'delete'])
      await device.publishAsync(`$aws/things/a/shadow/${request}`, '{}', { qos: 1 })
    await waitFor(() => world.edge.stored.length === 4, { what: 'all to be stored' })
    expect(world.edge.stored[0]).toMatchObject({
      responseTopic: 'v1/devices/a/twin/state',
      correlationData: btoa('x'),
    })
  })
})

describe('a device at aedes', { timeout: 30_000 }, () => {
  it('is cut off within 10 s once its credentials are revoked, and stays out (S112)', async () => {
    const at = await world.broker('aedes')
    await (await world.bridge(at)).until('up')
    const device = await world.device('a', at)
    const other = await world.device('b', at)
    world.edge.revoked.add('a')
    const revokedAt = performance.now()
    await waitFor(() => !device.connected, { what: 'the connection to end', timeoutMs: 12_000 })
    expect(performance.now() - revokedAt).toBeLessThan(10_000)
    await expect(world.device('a', at)).rejects.toThrow()
    expect(other.connected).toBe(true)
  })
})
