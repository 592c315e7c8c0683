import type { Session } from '@menagerie/client'
import { admin, devices, notifications } from '@menagerie/contracts/routes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signInAs, upTo } from '../../../src/follow-call.ts'
import { followDevice } from '../../../src/follow-device.ts'
import {
  freePort,
  launch,
  type System,
  type TemporaryFolder,
  temporaryFolder,
  waitFor,
} from '../../../src/index.ts'
import { type DeviceClients, deviceClients, hasPrograms } from './device-clients.ts'

interface InboxEntry {
  to: string
  subject: string
  body: string
}

/**
 * The second half of the first story, over one kind of broker. A file of its own for each, so that they run beside each
 * other.
 *
 * @param withKills whether the runtime is killed right after the crossing; once is enough, since no broker is part of it
 */
export function tellDeviceStory(
  kind: 'mosquitto' | 'aedes',
  { withKills }: { withKills: boolean },
): void {
  const told = hasPrograms ? "Mosquitto's own programs" : 'mqtt.js: no mosquitto_pub is installed'
  describe(`a device's message becomes an e-mail, over ${kind}, with ${told}`, () => {
    story(kind, withKills)
  })
}

function story(kind: 'mosquitto' | 'aedes', withKills: boolean): void {
  let folder: TemporaryFolder
  let system: System
  let owner: Session
  let clients: DeviceClients
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
    const { url, protocolVersion } = mqtt
    clients = deviceClients({ url, protocolVersion, ...device }, id)
  }, 90_000)

  afterAll(async () => {
    await clients?.stop()
    await system?.stop()
    await folder?.remove()
  }, 30_000)

  const topic = (rest: string) => `v1/devices/${id}/${rest}`
  const publish = (rest: string, payload: string) => clients.publish(topic(rest), payload)
  const inbox = async (): Promise<InboxEntry[]> => {
    const response = await fetch(`${system.labUrl}/inbox/email`)
    return ((await response.json()) as { data: InboxEntry[] }).data
  }

  it('numbered telemetry is kept, confirmed by acks, and seen live (A18, B18)', async () => {
    const follower = followDevice(owner, id)
    await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
    const acks = await clients.subscribe('acks', topic('acks'))
    for (const seq of [1, 2, 3])
      await publish(
        'telemetry/climate',
        JSON.stringify({ seq, epoch: 1, values: { temperature: 20 + seq } }),
      )
    await waitFor(() => acks.payloads().some((line) => JSON.parse(line).ackedThrough === 3), {
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
    await acks.end()
  })

  it('a connection that is lost shows as offline by its last will, and a new one as online', async () => {
    const state = async () =>
      (await owner.client.call(devices.presence, { params: { id } })).data.state
    const connection = await clients.goOnline('s1')
    await waitFor(async () => (await state()) === 'online', { what: 'the device to be online' })
    await connection.lose()
    await waitFor(async () => (await state()) === 'offline', { what: 'the last will' })
  })

  it('a change of the desired state reaches the device as a delta, and its report settles it', async () => {
    const deltas = await clients.subscribe('deltas', topic('twin/delta'))
    await owner.client.call(devices.patchTwin, {
      params: { id },
      body: { desired: { fan: 'on' } },
    })
    await waitFor(() => deltas.payloads().length > 0, { what: 'the delta' })
    expect(JSON.parse(deltas.payloads()[0] ?? '')).toMatchObject({ state: { fan: 'on' } })
    await publish('twin/reported', '{"state":{"fan":"on"}}')
    const twin = await waitFor(
      async () => {
        const { data } = await owner.client.call(devices.twin, { params: { id } })
        return data.reported.fan === 'on' && data
      },
      { what: 'the report' },
    )
    expect(twin).toMatchObject({ desired: { fan: 'on' }, delta: {}, version: 2 })
    await deltas.end()
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

  const though = withKills ? ', though the runtime is killed and every message comes twice' : ''
  it(`a crossed threshold sends one e-mail${though}`, async () => {
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
    if (withKills) {
      await system.kill()
      // Mosquitto takes messages without the edge; the embedded broker asks it who may.
      if (kind === 'mosquitto')
        await publish('telemetry/outage', '{"seq":6,"epoch":1,"values":{"n":6}}')
      await waitFor(async () => (await bridgeReady()) === 503, { what: 'the bridge to be red' })
      await system.restart()
      await waitFor(async () => (await bridgeReady()) === 200, { what: 'the bridge to be ready' })
    }
    await waitFor(async () => (await inbox()).length > 0, {
      what: 'the e-mail',
      timeoutMs: 20_000,
    })
    // What was sent under another BOOT_ID is sent again: every message of every queue comes once more.
    if (withKills) await system.restart()
    const follower = followDevice(owner, id)
    await waitFor(() => follower.socket.status.name === 'live', { what: 'the socket' })
    await waitFor(
      async () => {
        const { data } = await owner.client.call(notifications.inbox, { query: {} })
        return data.length > 0
      },
      { what: 'the in-app feed' },
    )
    if (withKills && kind === 'mosquitto') {
      const { data } = await owner.client.call(devices.telemetry, { params: { id }, query: {} })
      expect(data.latest.outage).toMatchObject({ values: { n: 6 } })
    }
    await publish('telemetry/climate', '{"seq":7,"epoch":1,"values":{"temperature":32}}')
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

  it('a stopped broker turns the bridge red; when it is back the bridge is too, without a hand', async () => {
    await system.mqtt?.broker?.kill()
    await waitFor(async () => (await bridgeReady()) === 503, { what: 'the bridge to be red' })
    await system.mqtt?.broker?.start()
    await waitFor(async () => (await bridgeReady()) === 200, { what: 'the bridge to be ready' })
    await publish('telemetry/back', '{"values":{"n":1}}')
    await waitFor(
      async () => {
        const { data } = await owner.client.call(devices.telemetry, { params: { id }, query: {} })
        return data.latest.back
      },
      { what: 'the message to be stored' },
    )
  })

  const bridgeReady = async (): Promise<number> =>
    (await fetch(`${system.mqtt?.bridge.url}/health/ready`)).status

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
}
