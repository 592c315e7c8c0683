import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import mqtt, { type MqttClient } from 'mqtt'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signInAs, upTo } from '../../src/follow-call.ts'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'
import { type Supervised, startSupervised } from '../../src/launcher/supervised.ts'
import { typeScriptFlags } from '../../src/node-flags.ts'
import { testingFolder } from '../../src/paths.ts'

const MESSAGES = 20_000
const DEVICES = 20
const KILLS = 30
const NAIVE_EVERY = 6
const EACH = MESSAGES / DEVICES
const names = upTo(DEVICES).map((n) => `killed-${n}`)

let folder: TemporaryFolder
let system: System
let owner: Session
let sink: Server
const arrived = new Set<string>()
const passwords = new Map<string, string>()

beforeAll(async () => {
  folder = await temporaryFolder('bridge-kills')
  system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    seed: true,
    mqtt: {},
  })
  owner = await signInAs(system, 'admin')
  for (const id of names) {
    await owner.client.call(devices.create, { body: { id } })
    const { data } = await owner.client.call(devices.credentials, { params: { id } })
    passwords.set(id, data.password)
  }
  sink = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => {
      body += chunk
    })
    request.on('end', () => {
      arrived.add(body)
      response.end()
    })
  })
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve))
}, 90_000)

afterAll(async () => {
  await system?.stop()
  sink?.closeAllConnections()
  sink?.close()
  await folder?.remove()
}, 30_000)

function naiveBridge(): Supervised {
  const { mqtt: side } = system
  if (!side?.broker) throw new Error('the system has no broker of its own')
  return startSupervised(
    process.execPath,
    [...typeScriptFlags(), join(testingFolder, 'test/fixtures/naive-bridge/main.ts')],
    {
      cwd: testingFolder,
      env: {
        ...process.env,
        MQTT_URL: side.url,
        MQTT_PROTOCOL_VERSION: String(side.protocolVersion),
        MQTT_USERNAME: side.broker.bridge.username,
        MQTT_PASSWORD: side.broker.bridge.password,
        SINK_URL: `http://127.0.0.1:${(sink.address() as AddressInfo).port}`,
      },
      output: { file: join(folder.path, 'naive.log') },
    },
  )
}

const connectDevice = (id: string): Promise<MqttClient> =>
  mqtt.connectAsync(system.mqtt?.url ?? '', {
    protocolVersion: system.mqtt?.protocolVersion ?? 5,
    clientId: id,
    username: id,
    password: passwords.get(id) ?? '',
  })

it(`keeps ${MESSAGES} messages of ${DEVICES} devices through ${KILLS} kills of the bridge: none lost, none doubled`, async () => {
  const { bridge } = system.mqtt ?? {}
  if (!bridge) throw new Error('the system has no bridge')
  let naive = naiveBridge()
  // It must have subscribed before anything is sent, or it would be blamed for what it never could get.
  const probe = await connectDevice(names[0] ?? '')
  await waitFor(
    async () => {
      await probe.publishAsync(`v1/devices/${names[0]}/telemetry/probe`, '{"values":{"n":0}}', {
        qos: 1,
      })
      return arrived.size > 0
    },
    { what: 'the naive bridge to be subscribed' },
  )
  await probe.endAsync()
  arrived.clear()

  const clients = await Promise.all(names.map(connectDevice))
  let published = 0
  const publishing = Promise.all(
    clients.map(async (client, index) => {
      for (let seq = 1; seq <= EACH; seq++) {
        await client.publishAsync(
          `v1/devices/${names[index]}/telemetry/count`,
          JSON.stringify({ epoch: 1, seq, values: { n: seq } }),
          { qos: 1 },
        )
        published += 1
      }
    }),
  )
  for (let kill = 1; kill <= KILLS; kill++) {
    const target = Math.floor((MESSAGES * kill) / (KILLS + 1))
    await waitFor(() => published >= target, {
      what: `${target} messages to be published`,
      timeoutMs: 60_000,
      intervalMs: 5,
    })
    await bridge.kill()
    await bridge.start({ wait: false })
    // The control needs fewer: it loses at each.
    if (kill % NAIVE_EVERY !== 0) continue
    await naive.kill()
    naive = naiveBridge()
  }
  await publishing
  await Promise.all(clients.map((client) => client.endAsync()))
  await bridge.start()

  const stored = async (id: string) => {
    const { data } = await owner.client.call(devices.telemetry, {
      params: { id },
      query: { stream: 'count' },
    })
    return (data.series ?? []).map((sample) => ('seq' in sample ? (sample.seq ?? 0) : 0))
  }
  for (const id of names)
    await waitFor(async () => (await stored(id)).length >= EACH, {
      what: `${id} to have everything`,
      timeoutMs: 60_000,
      intervalMs: 250,
    })
  for (const id of names)
    expect(
      (await stored(id)).sort((a, b) => a - b),
      id,
    ).toEqual(upTo(EACH))

  // The control: what it had in hand at each kill was acknowledged and is gone.
  await waitFor(async () => isStill(() => arrived.size), {
    what: 'the naive bridge to be done',
    timeoutMs: 30_000,
  })
  await naive.kill()
  expect(arrived.size).toBeLessThan(MESSAGES)
}, 240_000)

/** Whether a figure stays as it is for two seconds. */
async function isStill(figure: () => number): Promise<boolean> {
  const before = figure()
  await new Promise((resolve) => setTimeout(resolve, 2_000))
  return figure() === before
}
