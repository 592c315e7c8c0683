import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FakeEdge } from '@menagerie/mqtt-bridge/fake-edge'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMosquitto, type RunningBroker, startBroker } from '../src/broker/index.ts'
import { throwawayCertificates } from '../src/broker/throwaway-certificates.ts'
import { freePort } from '../src/free-port.ts'
import { type Supervised, startSupervised } from '../src/launcher/supervised.ts'
import { typeScriptFlags } from '../src/node-flags.ts'
import { repositoryRoot } from '../src/paths.ts'
import { type TemporaryFolder, temporaryFolder } from '../src/temporary-folder.ts'
import { waitFor } from '../src/wait-for.ts'

const program = join(repositoryRoot, 'packages/mqtt-bridge/src/main.ts')

interface BridgeProgram {
  running: Supervised
  url: string
  log(): string
}

let folder: TemporaryFolder
let edge: FakeEdge
let broker: RunningBroker | undefined
let bridges: BridgeProgram[]
let clients: MqttClient[]
beforeEach(async () => {
  folder = await temporaryFolder('bridge')
  edge = await new FakeEdge().listen()
  bridges = []
  clients = []
})
afterEach(async () => {
  for (const client of clients) client.end(true)
  for (const { running } of bridges) await running.stop()
  await broker?.stop()
  broker = undefined
  await edge.close()
  await folder.remove()
})

async function aBroker(
  kind: 'mosquitto' | 'aedes',
  overrides: Record<string, string> = {},
): Promise<RunningBroker> {
  broker = await startBroker({
    dataDir: folder.path,
    port: await freePort(),
    kind,
    edgeUrl: edge.url,
    brokerSecret: 'of the broker',
    overrides,
  })
  return broker
}

async function aBridge(
  at: RunningBroker,
  env: Record<string, string> = {},
): Promise<BridgeProgram> {
  const port = await freePort()
  const file = join(folder.path, `bridge-${bridges.length}.log`)
  const running = startSupervised(process.execPath, [...typeScriptFlags(), program], {
    cwd: folder.path,
    env: {
      PATH: process.env.PATH,
      MQTT_URL: at.bridgeUrl,
      MQTT_PROTOCOL_VERSION: String(at.protocolVersion),
      MQTT_USERNAME: at.bridge.username,
      MQTT_PASSWORD: at.bridge.password,
      ...(at.admin === undefined
        ? {}
        : { MQTT_ADMIN_USERNAME: at.admin.username, MQTT_ADMIN_PASSWORD: at.admin.password }),
      EDGE_URL: edge.url,
      REALM: 'menagerie',
      CLIENT_SECRET: 'secret',
      METRICS_PORT: String(port),
      ...env,
    },
    output: { file },
  })
  const bridge = { running, url: `http://127.0.0.1:${port}`, log: () => readFileSync(file, 'utf8') }
  bridges.push(bridge)
  return bridge
}

/** What a bridge says about its broker; undefined while it does not answer. */
async function atBroker({ url }: BridgeProgram): Promise<string | undefined> {
  const answer = await fetch(`${url}/health/ready`).catch(() => undefined)
  return ((await answer?.json()) as { details: { broker: string } } | undefined)?.details.broker
}
const until = (bridge: BridgeProgram, state: string | RegExp) =>
  waitFor(
    async () => {
      const said = await atBroker(bridge)
      return typeof state === 'string' ? said === state : state.test(said ?? '')
    },
    { what: `the bridge to be ${state} at the broker`, intervalMs: 20, timeoutMs: 20_000 },
  )
async function series({ url }: BridgeProgram, name: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text()
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(page)?.[1])
}

async function aDevice(username: string, at: RunningBroker): Promise<MqttClient> {
  const device = username.replace(/~2$/, '')
  if (at.access === 'tell') await tell(device, username, `password-${username}`)
  const client = await mqtt.connectAsync(
    at.url,
    {
      username,
      password: `password-${username}`,
      clientId: username === device ? device : `${device}-2`,
      protocolVersion: at.protocolVersion,
      reconnectPeriod: 0,
    },
    false,
  )
  client.on('error', () => {})
  clients.push(client)
  return client
}

async function tell(deviceId: string, username: string, password: string | null): Promise<void> {
  const id = `${username} ${performance.now()}`
  edge.send({ type: 'credentials.set', id, data: { deviceId, username, password } })
  const done = await waitFor(
    () => edge.frames.find((frame) => frame.type === 'credentials.done' && frame.id === id),
    { what: 'the broker to have heard it', intervalMs: 5 },
  )
  expect(done.data).toEqual({ ok: true })
}

const publish = (device: MqttClient, seq: number, id = 'a') =>
  device.publishAsync(`v1/devices/${id}/telemetry/t`, JSON.stringify({ seq, values: {} }), {
    qos: 1,
  })
const stored = (count: number) =>
  waitFor(() => edge.numbersOf('a').length === count, { what: `${count} to be stored` })

describe.runIf(findMosquitto() !== undefined)('a bridge at mosquitto', { timeout: 60_000 }, () => {
  it('speaks TLS with a broker that a given authority vouches for, and with no other', async () => {
    const { ca, cert, key } = throwawayCertificates()
    const file = (name: string, text: string) => {
      writeFileSync(join(folder.path, name), text)
      return join(folder.path, name)
    }
    const at = await aBroker('mosquitto', {
      certfile: file('cert.pem', cert),
      keyfile: file('key.pem', key),
    })
    const MQTT_URL = at.bridgeUrl.replace('mqtt:', 'mqtts:')
    const trusting = await aBridge(at, { MQTT_URL, MQTT_CA_FILE: file('ca.pem', ca) })
    await until(trusting, 'up')
    await tell('a', 'a', 'password-a')
    await trusting.running.stop()
    for (const env of [{}, { MQTT_CA_FILE: file('other.pem', throwawayCertificates().ca) }]) {
      const doubting = await aBridge(at, { MQTT_URL, ...env })
      await waitFor(() => doubting.log().includes('the broker cannot be reached'), {
        what: 'the bridge to refuse the broker',
      })
      expect(await atBroker(doubting)).not.toBe('up')
      await doubting.running.stop()
    }
  })

  it('is followed by the one that stands by, at most a second after it was killed with -9', async () => {
    const at = await aBroker('mosquitto')
    const first = await aBridge(at)
    await until(first, 'up')
    const device = await aDevice('a', at)
    const second = await aBridge(at)
    await until(second, 'standing by')
    await publish(device, 1)
    await stored(1)
    await first.running.kill()
    const killedAt = performance.now()
    await publish(device, 2)
    await stored(2)
    expect(performance.now() - killedAt).toBeLessThan(1_000)
    expect([await atBroker(second), await series(second, 'mqtt_bridge_active')]).toEqual(['up', 1])
    // What comes back stands by.
    const third = await aBridge(at)
    await until(third, 'standing by')
  })

  it('that lost the link to another stays away from the broker, and takes nothing from it', async () => {
    const at = await aBroker('mosquitto')
    const first = await aBridge(at)
    await until(first, 'up')
    const device = await aDevice('a', at)
    const second = await aBridge(at)
    await until(second, 'standing by')
    for (let seq = 1; seq <= 200; seq++) void publish(device, seq)
    edge.socket?.close(4409)
    await until(first, 'standing by')
    await until(second, 'up')
    for (let seq = 201; seq <= 300; seq++) await publish(device, seq)
    await stored(300)
    expect([await atBroker(first), await atBroker(second)]).toEqual(['standing by', 'up'])
  })

  it('leaves when the edge is away for half a keepalive, comes back by itself, and has lost nothing', async () => {
    const at = await aBroker('mosquitto')
    const bridge = await aBridge(at, { MQTT_KEEPALIVE_SECONDS: '4' })
    await until(bridge, 'up')
    const device = await aDevice('a', at)
    edge.mode = { type: 'status', status: 503 }
    for (let seq = 1; seq <= 50; seq++) await publish(device, seq)
    await until(bridge, /^parked: edge away$/)
    expect((await fetch(`${bridge.url}/health/ready`)).status).toBe(503)
    for (let seq = 51; seq <= 100; seq++) await publish(device, seq)
    edge.mode = { type: 'ok' }
    await stored(100)
    await until(bridge, 'up')
    expect(edge.numbersOf('a')).toEqual(Array.from({ length: 100 }, (_, index) => index + 1))
  })

  it('counts and tells that the broker has lost what it kept for it', async () => {
    const at = await aBroker('mosquitto')
    const bridge = await aBridge(at)
    await until(bridge, 'up')
    await at.kill()
    rmSync(join(folder.path, 'mosquitto/mosquitto.db'), { force: true })
    await at.start()
    await waitFor(async () => (await series(bridge, 'mqtt_bridge_session_lost_total')) === 1, {
      what: 'the loss to be counted',
    })
    expect(bridge.log()).toContain('the broker has forgotten the session')
  })

  it('makes two passwords of a device good side by side, and cuts off who signed in with one that ends', async () => {
    const at = await aBroker('mosquitto')
    await until(await aBridge(at), 'up')
    const older = await aDevice('a', at)
    const newer = await aDevice('a~2', at)
    await publish(older, 1)
    await publish(newer, 2)
    await stored(2)
    await tell('a', 'a', null)
    await waitFor(() => !older.connected, { what: 'the older connection to end' })
    await publish(newer, 3)
    await stored(3)
    await tell('a', 'a~2', null)
    await waitFor(() => !newer.connected, { what: 'the newer connection to end' })
    const document = readFileSync(join(folder.path, 'mosquitto/dynsec.json'), 'utf8')
    expect(document).not.toContain('device-a')
  })

  it('carries MQTT 5 request and response, and requests to the shadow', async () => {
    const at = await aBroker('mosquitto')
    await until(await aBridge(at), 'up')
    const device = await aDevice('a', at)
    const heard: [string, string | undefined, string | undefined][] = []
    device.on('message', (topic, _payload, { properties }) =>
      heard.push([topic, properties?.responseTopic, properties?.correlationData?.toString()]),
    )
    await device.subscribeAsync(['v1/devices/a/commands/+', '$aws/things/a/shadow/get/accepted'])
    const responseTopic = 'v1/devices/a/commands/c/result'
    const down = { payload: {}, qos: 1 as const, retain: false }
    edge.send({
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
    await waitFor(() => edge.stored.length === 4, { what: 'all to be stored' })
    expect(edge.stored[0]).toMatchObject({
      responseTopic: 'v1/devices/a/twin/state',
      correlationData: btoa('x'),
    })
  })
})

describe('a device at aedes', { timeout: 30_000 }, () => {
  it('is cut off within 10 s once its credentials are revoked, and stays out (S112)', async () => {
    const at = await aBroker('aedes')
    await until(await aBridge(at), 'up')
    const device = await aDevice('a', at)
    const other = await aDevice('b', at)
    edge.revoked.add('a')
    const revokedAt = performance.now()
    await waitFor(() => !device.connected, { what: 'the connection to end', timeoutMs: 12_000 })
    expect(performance.now() - revokedAt).toBeLessThan(10_000)
    await expect(aDevice('a', at)).rejects.toThrow()
    expect(other.connected).toBe(true)
  })
})
