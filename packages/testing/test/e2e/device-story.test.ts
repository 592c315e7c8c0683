import type { Session } from '@menagerie/client'
import { admin, devices, notifications } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signInAs, upTo } from '../../src/follow-call.ts'
import { followDevice } from '../../src/follow-device.ts'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../src/index.ts'
import { findProgram, type MqttLogin, startMqttProgram } from '../../src/mqtt-programs.ts'

const installed = findProgram('mosquitto') !== undefined && findProgram('mosquitto_pub')
const kinds = installed ? (['mosquitto', 'aedes'] as const) : (['aedes'] as const)
const clients = findProgram('mosquitto_pub')

interface InboxEntry {
  to: string
  subject: string
  body: string
}

it('the clients of Mosquitto are there, which this story is told with', () => {
  // Without them nothing here was shown: `.ci/run` installs mosquitto-clients.
  expect(clients).toBeTypeOf('string')
})

describe.each(kinds)("a device's message becomes an e-mail, over %s", (kind) => {
  let folder: TemporaryFolder
  let system: System
  let owner: Session
  let login: MqttLogin
  let id: string

  beforeAll(async () => {
    folder = await temporaryFolder(`device-story-${kind}`)
    system = await launch({
      dataDir: folder.path,
      port: await freePort(),
      environment: 'test',
      lab: true,
      seed: true,
      mqtt: { broker: kind },
    })
    owner = await signInAs(system, 'admin')
    const { mqtt, device } = system
    if (!mqtt || !device) throw new Error('the system has no broker or no demo device')
    id = device.id
    login = { url: mqtt.url, protocolVersion: mqtt.protocolVersion, ...device }
  }, 90_000)

  afterAll(async () => {
    await system?.stop()
    await folder?.remove()
  }, 30_000)

  const topic = (rest: string) => `v1/devices/${id}/${rest}`
  const publish = async (rest: string, payload: string, ...more: string[]) => {
    const program = startMqttProgram('mosquitto_pub', login, [
      ...['-i', `${id}-${rest.replaceAll('/', '-')}`, '-q', '1', '-t', topic(rest)],
      ...['-m', payload, ...more],
    ])
    const code = await program.ended
    if (code !== 0) throw new Error(`mosquitto_pub ended with ${code}: ${program.output()}`)
  }
  /** A persistent session: subscribed when this returns, whatever the program has printed by then. */
  const subscribe = async (name: string, rest: string) => {
    const args = [
      ...['-i', `${id}-${name}`, '-c', '-q', '1', '-t', topic(rest)],
      ...(login.protocolVersion === 5 ? ['-x', '3600'] : []),
    ]
    const subscribed = startMqttProgram('mosquitto_sub', login, [...args, '-E'])
    if ((await subscribed.ended) !== 0) throw new Error(`mosquitto_sub: ${subscribed.output()}`)
    return startMqttProgram('mosquitto_sub', login, args)
  }
  const inbox = async (): Promise<InboxEntry[]> => {
    const response = await fetch(`${system.labUrl}/inbox/email`)
    return ((await response.json()) as { data: InboxEntry[] }).data
  }

  it('numbered telemetry is kept, confirmed by acks, and seen live (A18, B18)', async () => {
    const follower = followDevice(owner, id)
    await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
    const acks = await subscribe('acks', 'acks')
    for (const seq of [1, 2, 3])
      await publish(
        'telemetry/climate',
        JSON.stringify({ seq, epoch: 1, values: { temperature: 20 + seq } }),
      )
    await waitFor(() => acks.lines().some((line) => JSON.parse(line).ackedThrough === 3), {
      what: 'acks up to 3',
    })
    const { data } = await owner.client.call(devices.telemetry, {
      params: { id },
      query: { stream: 'climate' },
    })
    expect(data.latest.climate).toMatchObject({ values: { temperature: 23 }, seq: 3 })
    expect(data.series?.map((sample) => 'seq' in sample && sample.seq)).toEqual([1, 2, 3])
    await waitFor(
      () => {
        const seen = follower.frames.flatMap(({ frame }) =>
          frame.type === 'device.telemetry' ? (frame.data as { samples: unknown[] }).samples : [],
        )
        return seen.length === 3
      },
      { what: 'live telemetry' },
    )
    follower.socket.close()
    await acks.kill()
  })

  it('a connection that is lost shows as offline by its last will, and a new one as online', async () => {
    const connect = () =>
      startMqttProgram('mosquitto_pub', login, [
        ...['-i', id, '-q', '1', '-t', topic('presence'), '-l', '-r'],
        ...['--will-topic', topic('presence'), '--will-retain', '--will-qos', '1'],
        ...['--will-payload', '{"state":"offline","session":"s1"}'],
      ])
    const state = async () =>
      (await owner.client.call(devices.presence, { params: { id } })).data.state
    const device = connect()
    device.write('{"state":"online","session":"s1"}\n')
    await waitFor(async () => (await state()) === 'online', { what: 'the device to be online' })
    await device.kill()
    await waitFor(async () => (await state()) === 'offline', { what: 'the last will' })
  })

  it('a change of the desired state reaches the device as a delta, and its report settles it', async () => {
    const deltas = await subscribe('deltas', 'twin/delta')
    await owner.client.call(devices.patchTwin, {
      params: { id },
      body: { desired: { fan: 'on' } },
    })
    await waitFor(() => deltas.lines().length > 0, { what: 'the delta' })
    expect(JSON.parse(deltas.lines()[0] ?? '')).toMatchObject({ state: { fan: 'on' } })
    await publish('twin/reported', '{"state":{"fan":"on"}}')
    const twin = await waitFor(
      async () => {
        const { data } = await owner.client.call(devices.twin, { params: { id } })
        return data.reported.fan === 'on' && data
      },
      { what: 'the report' },
    )
    expect(twin).toMatchObject({ desired: { fan: 'on' }, delta: {}, version: 2 })
    await deltas.kill()
  })

  it('what nobody can use is recorded once, and what came with it is stored', async () => {
    const bad = [
      ['telemetry/climate', '{"values":'],
      ['telemetry/climate', `{"values":${'['.repeat(100)}${']'.repeat(100)}}`],
      ['telemetry/climate', '{"deviceId":"somebody-else","values":{"temperature":1}}'],
      ['telemetry/climate', '{"values":{"temperature":{"nested":1}}}'],
      ['telemetry/no.such.stream', '{"values":{"temperature":1}}'],
      ['telemetry/climate', `{"values":{"blob":"${'x'.repeat(200)}","rest":"${'y'.repeat(400)}"}}`],
    ] as const
    for (const [rest, payload] of bad) await publish(rest, payload)
    await publish('telemetry/climate', '{"seq":4,"epoch":1,"values":{"temperature":24}}')
    const seen = await waitFor(
      async () => {
        const { data } = await owner.client.call(admin.deadLetters, { query: { limit: 200 } })
        const rejected = data.filter(({ eventType }) => eventType === 'device.message.rejected.v1')
        return rejected.length >= bad.length && rejected
      },
      { what: 'the rejected messages among the dead letters', timeoutMs: 20_000 },
    )
    expect(seen).toHaveLength(bad.length)
    const { data } = await owner.client.call(devices.telemetry, { params: { id }, query: {} })
    expect(data.latest.climate).toMatchObject({ values: { temperature: 24 }, seq: 4 })
  })

  it('a crossed threshold sends one e-mail, though the runtime is killed and every message comes twice', async () => {
    await owner.client.call(devices.putRules, {
      params: { id },
      body: {
        rules: [{ stream: 'climate', field: 'temperature', operator: 'above', threshold: 30 }],
      },
    })
    await publish('telemetry/climate', '{"seq":5,"epoch":1,"values":{"temperature":31.5}}')
    await waitFor(
      async () => {
        const { data } = await owner.client.call(devices.rules, { params: { id } })
        return data[0]?.triggered === true
      },
      { what: 'the rule to fire' },
    )
    await system.kill()
    await system.restart()
    await waitFor(async () => (await inbox()).length > 0, {
      what: 'the e-mail',
      timeoutMs: 20_000,
    })
    // What was sent under another BOOT_ID is sent again: every message of every queue comes once more.
    await system.restart()
    const follower = followDevice(owner, id)
    await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
    await waitFor(
      async () => {
        const { data } = await owner.client.call(notifications.inbox, { query: {} })
        return data.length > 0
      },
      { what: 'the in-app feed' },
    )
    await publish('telemetry/climate', '{"seq":6,"epoch":1,"values":{"temperature":32}}')
    await waitFor(() => follower.frames.length > 0, { what: 'the system to go on' })
    await settled()
    const mails = await inbox()
    expect(mails).toHaveLength(1)
    expect(mails[0]).toMatchObject({ to: 'admin@menagerie.example' })
    expect(`${mails[0]?.subject} ${mails[0]?.body}`).toMatch(/31\.5/)
    const { data: feed } = await owner.client.call(notifications.inbox, { query: {} })
    expect(feed).toHaveLength(1)
    const { data: notification } = await owner.client.call(notifications.get, {
      params: { id: feed[0]?.id ?? '' },
    })
    expect(notification.status).toBe('sent')
    expect(follower.events.map(({ seq }) => seq)).toEqual(upTo(follower.events.length))
    follower.socket.close()
  }, 90_000)

  /** Queues are empty: nothing was consumed for two seconds. */
  async function settled(): Promise<void> {
    let last = ''
    let since = Date.now()
    await waitFor(
      async () => {
        const page = await fetch(`${system.url}/metrics`, {
          headers: { authorization: `Bearer ${system.secrets.SCRAPE_TOKEN}` },
        })
        const lines = (await page.text()).split('\n')
        const consumed = lines.filter((line) => line.startsWith('queue_messages_total')).join()
        if (consumed !== last) since = Date.now()
        last = consumed
        return Date.now() - since > 2_000
      },
      { what: 'the queues to be empty', timeoutMs: 30_000, intervalMs: 250 },
    )
  }
})
