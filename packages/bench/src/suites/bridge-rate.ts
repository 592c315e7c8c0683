import { fileURLToPath } from 'node:url'
import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { freePort, temporaryFolder, waitFor } from '@menagerie/testing'
import { startBridgeProcess, startBroker, withSecondFactor } from '@menagerie/testing/local'
import type { Miniflare } from 'miniflare'
import mqtt, { type MqttClient } from 'mqtt'
import { median } from '../load.ts'
import { type Ours, startOurs } from '../ours.ts'
import type { Finding } from '../report.ts'
import { runBuilt } from '../runtime.ts'
import { bridgeFleet } from './bridge-fleet.ts'
import { publishToTwin } from './publish-to-twin.ts'

const DEVICES = 20
const MESSAGES = 20_000
const EACH = MESSAGES / DEVICES
const ONE_BY_ONE = 1_000
const ROUNDS = 3
/** Batches that the bare pipeline is given at a time: as many as the bridge has under way. */
const BARE_PARALLEL = 2

const peer = (name: string) => fileURLToPath(new URL(`../peers/${name}.ts`, import.meta.url))
const names = Array.from({ length: DEVICES }, (_, i) => `bench-${i + 1}`)
const payload = (epoch: number, seq: number) =>
  JSON.stringify({ epoch, seq, values: { temperature: 20 + (seq % 10), humidity: 50 } })

type Broker = Awaited<ReturnType<typeof startBroker>>
type Bridge = Awaited<ReturnType<typeof startBridgeProcess>>

interface Bench {
  ours: Ours
  broker: Broker
  bridge: Bridge
  passwords: Map<string, string>
}

/**
 * QoS 1 from a broker's queue through bridge, gateway, devices Worker and twin (token, checks, numbering, samples, latest
 * values, minutes, live frames) against a bare Worker → object → insert that is handed the same batches over HTTP, and
 * against a bridge that posts one message at a time; and how long a publish takes to its twin.
 */
export async function bridgeRate(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench-bridge')
  const running: Miniflare[] = []
  const stops: (() => Promise<unknown>)[] = []
  try {
    const broker = await startBroker({
      dataDir: folder.path,
      port: await freePort(),
      kind: 'mosquitto',
      edgeUrl: 'http://127.0.0.1:1',
      brokerSecret: 'unused: mosquitto is told, it does not ask',
      logFile: `${folder.path}/broker.log`,
    })
    stops.push(() => broker.stop())
    const ours = await startOurs(folder.path, { BROKER_ACCESS: 'tell' })
    running.push(ours.runtime)
    const bridge = await startBridgeProcess({
      dataDir: folder.path,
      gatewayUrl: ours.url,
      broker,
      secrets: ours.secrets,
      metricsPort: await freePort(),
      logFile: `${folder.path}/bridge.log`,
      logs: () => '',
    })
    stops.unshift(() => bridge.stop())
    const { session, totpSecret } = await ours.signIn('admin')
    const bench = { ours, broker, bridge, passwords: await register(session, totpSecret) }
    const bare = await runBuilt(folder.path, [bareIngest], {})
    running.push(bare.runtime)

    const rates = { ours: [] as number[], bare: [] as number[] }
    for (let epoch = 1; epoch <= ROUNDS + 1; epoch++) {
      rates.bare.push(await bareRate(bare.url, epoch))
      rates.ours.push(await drainRate(bench, epoch))
    }
    // The first round warms both up.
    for (const list of Object.values(rates)) list.shift()
    const single = await oneByOneRate(bench)
    const latency = await publishToTwin(session, broker, bench.passwords)
    const fleet = await bridgeFleet(session, broker, bridge, bare.url)
    const oursRate = median(rates.ours)
    const ratio = median(rates.ours.map((value, i) => value / (rates.bare[i] ?? Number.NaN)))
    return [
      {
        what: 'QoS 1, broker to stored and acknowledged : bare batch → object → insert',
        measured: `${ratio.toFixed(2)} (${oursRate.toFixed(0)}/s : ${median(rates.bare).toFixed(0)}/s)`,
        goal: '≥ 0.70 or 7500/s',
        met: ratio >= 0.7 || oursRate >= 7_500,
      },
      ...fleet,
      {
        what: 'the same : a bridge that posts one message at a time',
        measured: `${(oursRate / single).toFixed(1)} (${oursRate.toFixed(0)}/s : ${single.toFixed(0)}/s)`,
        goal: '≥ 10',
        met: oursRate / single >= 10,
      },
      {
        what: 'publish to twin at 500 a second, p95',
        measured: `${latency.p95.toFixed(1)} ms (p50 ${latency.p50.toFixed(1)} ms, p99 ${latency.p99.toFixed(1)} ms)`,
        goal: '< 50 ms',
        met: latency.p95 < 50,
      },
    ]
  } finally {
    for (const stop of stops) await stop()
    for (const runtime of running) await runtime.dispose()
    await folder.remove()
  }
}

const bareIngest = {
  name: 'bare-ingest',
  main: peer('bare-ingest'),
  compatibility_date: '2026-11-01',
  compatibility_flags: ['nodejs_compat'],
  exports: { BareStore: { type: 'durable-object', storage: 'sqlite' } },
  durable_objects: { bindings: [{ name: 'STORE', class_name: 'BareStore' }] },
}

async function register(session: Session, totpSecret: string): Promise<Map<string, string>> {
  const passwords = new Map<string, string>()
  for (const id of names) {
    await session.client.call(devices.create, { body: { id } })
    const { data } = await withSecondFactor(session, totpSecret, () =>
      session.client.call(devices.credentials, { params: { id } }),
    )
    passwords.set(id, data.password)
  }
  return passwords
}

function connect({ broker, passwords }: Bench, id: string, clientId = id): Promise<MqttClient> {
  return mqtt.connectAsync(broker.url, {
    protocolVersion: broker.protocolVersion,
    clientId,
    username: id,
    password: passwords.get(id) ?? '',
  })
}

/** Lets the broker queue everything while the bridge is down. */
async function fillQueue(bench: Bench, epoch: number, each: number): Promise<void> {
  await bench.bridge.stop()
  await Promise.all(
    names.map(async (id) => {
      const client = await connect(bench, id)
      const sent: Promise<unknown>[] = []
      for (let seq = 1; seq <= each; seq++)
        sent.push(
          client.publishAsync(`v1/devices/${id}/telemetry/climate`, payload(epoch, seq), {
            qos: 1,
          }),
        )
      await Promise.all(sent)
      await client.endAsync()
    }),
  )
}

/** Messages a second from the first acknowledgement a device sees to the last, without those before the first. */
async function drainRate(bench: Bench, epoch: number): Promise<number> {
  await fillQueue(bench, epoch, EACH)
  const acked = new Map<string, number>()
  let first: { at: number; count: number } | undefined
  const total = () => [...acked.values()].reduce((sum, count) => sum + count, 0)
  const watchers = await Promise.all(
    names.map(async (id) => {
      const client = await connect(bench, id, `${id}-acks`)
      client.on('message', (_, body) => {
        const ack = JSON.parse(body.toString()) as { epoch: number; ackedThrough: number }
        if (ack.epoch !== epoch) return
        acked.set(id, ack.ackedThrough)
        first ??= { at: performance.now(), count: total() }
      })
      await client.subscribeAsync(`v1/devices/${id}/acks`, { qos: 1 })
      return client
    }),
  )
  await bench.bridge.start({ wait: false })
  await waitFor(() => total() >= MESSAGES, {
    what: 'everything to be acknowledged',
    timeoutMs: 120_000,
    intervalMs: 5,
  })
  const last = performance.now()
  await Promise.all(watchers.map((client) => client.endAsync()))
  if (first === undefined) throw new Error('nothing was acknowledged')
  return ((MESSAGES - first.count) / (last - first.at)) * 1000
}

/** The same messages in the batches that the bridge makes of them: a hundred, sorted by device. */
async function bareRate(url: string, epoch: number): Promise<number> {
  const batches: string[] = []
  for (let from = 1; from <= EACH; from += DEVICES)
    for (let group = 0; group < DEVICES; group += 5)
      batches.push(
        JSON.stringify({
          messages: names.slice(group, group + 5).flatMap((id) =>
            Array.from({ length: DEVICES }, (_, i) => ({
              topic: `v1/devices/${id}/telemetry/climate`,
              payload: payload(epoch, from + i),
            })),
          ),
        }),
      )
  const began = performance.now()
  const lane = async () => {
    for (let body = batches.pop(); body !== undefined; body = batches.pop()) {
      const response = await fetch(url, { method: 'POST', body })
      if (!response.ok) throw new Error(`the bare pipeline answered ${response.status}`)
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: BARE_PARALLEL }, lane))
  return (MESSAGES / (performance.now() - began)) * 1000
}

/** A bridge that holds each message until the edge has it, one at a time, through the same edge. */
async function oneByOneRate(bench: Bench): Promise<number> {
  const { broker, ours } = bench
  await bench.bridge.stop()
  const clientId = 'one-by-one'
  const options = {
    protocolVersion: broker.protocolVersion,
    clientId,
    clean: false,
    username: broker.bridge.username,
    password: broker.bridge.password,
    ...(broker.protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {}),
  }
  const session = await mqtt.connectAsync(broker.url, options)
  await session.subscribeAsync('v1/devices/+/telemetry/+', { qos: 1 })
  await session.endAsync()
  await fillQueue(bench, ROUNDS + 2, ONE_BY_ONE / DEVICES)

  const token = await bridgeToken(ours)
  let handled = 0
  let began = 0
  const client = mqtt.connect(broker.url, options)
  client.handleMessage = (packet, done) => {
    began ||= performance.now()
    const message = {
      topic: packet.topic,
      payload: packet.payload.toString(),
      qos: 1,
      receivedAt: new Date().toISOString(),
    }
    void fetch(`${ours.url}/devices/bridge/messages`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [message] }),
    })
      .then(async (response) => {
        if (!response.ok) throw new Error(`${response.status} ${await response.text()}`)
        await response.arrayBuffer()
        handled += 1
        done()
      })
      .catch(done)
  }
  await waitFor(() => handled >= ONE_BY_ONE, {
    what: 'the messages one by one',
    timeoutMs: 120_000,
    intervalMs: 5,
  })
  const rate = (ONE_BY_ONE / (performance.now() - began)) * 1000
  await client.endAsync()
  await bench.bridge.start()
  return rate
}

async function bridgeToken({ url, secrets }: Ours): Promise<string> {
  const response = await fetch(`${url}/auth/realms/menagerie/protocol/openid-connect/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: 'bridge',
      client_secret: secrets.BRIDGE_CLIENT_SECRET ?? '',
    }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}
