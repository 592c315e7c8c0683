import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  ann,
  Bridge,
  bob,
  climate,
  connectBridge,
  createCommand,
  makeTwin,
  message,
  migrate,
  offline,
  online,
  principal,
  received,
  type Twin,
  unmadeTwin,
  until,
  value,
} from './support.ts'

beforeAll(migrate)

const numbered = (id: string, seq: number, temperature = seq, epoch = 0) =>
  message(id, climate, { seq, epoch, values: { temperature } })

const rowCounts = (twin: Twin) =>
  runInDurableObject(twin, (_, state) => {
    const count = (table: string) =>
      state.storage.sql.exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`).one().n
    return { events: count('events'), inputs: count('inputs'), samples: count('samples') }
  })

describe('a device', () => {
  it('answers not_found and writes nothing before it was made', async () => {
    const { id, twin } = unmadeTwin()
    const missing = { ok: false, error: { code: 'not_found' } }
    expect(await twin.get(principal())).toEqual(missing)
    expect(await twin.take('default', [numbered(id, 1)])).toEqual(missing)
    expect(await twin.issueTicket(principal())).toEqual(missing)
  })

  it('is made once: the same key gets the same answer, another call conflict', async () => {
    const { id, twin } = unmadeTwin()
    const first = await value(twin.create(principal(), createCommand(id, 'key')))
    expect(first).toMatchObject({
      replayed: false,
      device: { id, ownerId: ann, state: 'unknown', lastSeenAt: null },
    })
    expect(await value(twin.create(principal(), createCommand(id, 'key')))).toEqual({
      ...first,
      replayed: true,
    })
    const conflict = { ok: false, error: { code: 'conflict' } }
    expect(await twin.create(principal(), createCommand(id))).toEqual(conflict)
    expect(await twin.create(principal(), createCommand(id, 'other'))).toEqual(conflict)
    const other = { ...createCommand(id, 'key'), name: 'Attic' }
    expect(await twin.create(principal(), other)).toEqual({
      ok: false,
      error: { code: 'idempotency_mismatch' },
    })
  })

  it('does not exist for others, and is not written by those who only see it', async () => {
    const { twin } = await makeTwin()
    const stranger = principal({ id: bob })
    const reader = principal({ id: bob, permissions: ['devices:read'] })
    const writer = principal({ id: bob, permissions: ['devices:read', 'devices:write'] })
    const service = principal({ kind: 'service', permissions: ['devices:read', 'devices:write'] })
    const patch = { key: null, patch: { desired: { on: true } }, ifMatch: null }
    for (const who of [stranger, service]) {
      expect(await twin.get(who)).toMatchObject({ error: { code: 'not_found' } })
      expect(await twin.mayWrite(who)).toMatchObject({ error: { code: 'not_found' } })
      expect(await twin.patchTwin(who, patch)).toMatchObject({ error: { code: 'not_found' } })
      expect(await twin.putRules(who, [])).toMatchObject({ error: { code: 'not_found' } })
    }
    expect(await twin.get(reader)).toMatchObject({ ok: true })
    expect(await twin.patchTwin(reader, patch)).toMatchObject({ error: { code: 'forbidden' } })
    expect(await twin.patchTwin(writer, patch)).toMatchObject({ ok: true })
    expect(await unmadeTwin().twin.create(stranger, createCommand('somebody-elses'))).toMatchObject(
      { error: { code: 'forbidden' } },
    )
  })

  it('stands in the registry with its presence, also when it left memory', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.take('default', [message(id, { kind: 'presence' }, online('s1'))]))
    await evictDurableObject(twin)
    const row = () =>
      env.DB.prepare('SELECT state, owner_id, last_seen_at FROM devices WHERE id = ?')
        .bind(id)
        .first<{ state: string; owner_id: string; last_seen_at: number }>()
    await vi.waitFor(async () => expect(await row()).toMatchObject({ state: 'online' }), {
      timeout: 8_000,
    })
    expect((await row())?.last_seen_at).toBeGreaterThan(0)
    expect(await value(twin.get(principal()))).toMatchObject({ state: 'online' })
  })
})

describe('desired and reported', () => {
  it('reach the device as a delta at once, and again at each online edge while a difference stands', async () => {
    const { id, twin } = await makeTwin()
    const link = `link-${id}`
    const bridge = await connectBridge(link)
    await value(twin.take(link, [message(id, { kind: 'presence' }, online('s1'))]))
    const patch = { desired: { fan: { speed: 3, on: true } } }
    const patched = await value(twin.patchTwin(principal(), { key: null, patch, ifMatch: null }))
    expect(patched.twin).toMatchObject({ version: 1, delta: { fan: { speed: 3, on: true } } })
    await bridge.until(() => bridge.messages.length === 1)
    expect(bridge.messages[0]).toMatchObject({
      topic: `v1/devices/${id}/twin/delta`,
      qos: 1,
      retain: false,
      payload: { version: 1, state: { fan: { speed: 3, on: true } } },
    })
    await value(
      twin.take(link, [message(id, { kind: 'reported' }, { state: { fan: { speed: 3 } } })]),
    )
    await value(
      twin.take(link, [
        message(id, { kind: 'presence' }, offline('s1')),
        message(id, { kind: 'presence' }, online('s2')),
      ]),
    )
    await bridge.until(() => bridge.messages.length === 2)
    expect(bridge.messages[1]?.payload).toMatchObject({ version: 2, state: { fan: { on: true } } })
    await value(twin.take(link, [message(id, { kind: 'reported' }, { state: patch.desired })]))
    expect(await value(twin.twin(principal()))).toMatchObject({ version: 3, delta: {} })
    await value(twin.take(link, [message(id, { kind: 'presence' }, online('s3'))]))
    await runDurableObjectAlarm(twin)
    expect(bridge.messages).toHaveLength(2)
  })

  it('refuses a stale version and a stale If-Match, and repeats an answer by its key', async () => {
    const { twin } = await makeTwin()
    const patch = (desired: object, more: object = {}) =>
      twin.patchTwin(principal(), {
        key: null,
        patch: { desired: { ...desired } },
        ifMatch: null,
        ...more,
      })
    const first = await value(patch({ on: true }, { key: 'k' }))
    expect(await patch({ on: false }, { patch: { desired: {}, version: 0 } })).toMatchObject({
      error: { code: 'version_conflict', version: 1 },
    })
    expect(await patch({ on: false }, { ifMatch: 7 })).toMatchObject({
      error: { code: 'precondition_failed', version: 1 },
    })
    await value(patch({ on: false }, { ifMatch: 1 }))
    expect(await value(patch({ on: true }, { key: 'k' }))).toEqual({ ...first, replayed: true })
    expect((await value(patch({ on: false }))).twin.version).toBe(2)
    expect(await patch({ text: 'x'.repeat(9000) })).toMatchObject({
      error: { code: 'validation_failed', pointer: '/desired' },
    })
  })

  it('are told to a device that asks', async () => {
    const { id, twin } = await makeTwin()
    const link = `link-${id}`
    const bridge = await connectBridge(link)
    await value(
      twin.take(link, [
        message(id, { kind: 'reported' }, { state: { on: true } }),
        message(id, { kind: 'get' }, { clientToken: 'abc' }),
        message(id, { kind: 'get' }, ''),
      ]),
    )
    await bridge.until(() => bridge.messages.length === 2)
    expect(bridge.messages[0]).toMatchObject({
      topic: `v1/devices/${id}/twin/state`,
      payload: { desired: {}, reported: { on: true }, version: 1, clientToken: 'abc' },
    })
  })
})

describe('a device that was away', () => {
  const patch = async (twin: Twin, desired: object) =>
    value(
      twin.patchTwin(principal(), { key: null, patch: { desired: { ...desired } }, ifMatch: null }),
    )

  it('is told the changes it missed, where it wants them, also when the object left memory', async () => {
    const { id, twin } = await makeTwin()
    const link = `link-${id}`
    for (const desired of [{ a: 1 }, { b: { c: 2 } }, { a: null }]) await patch(twin, desired)
    await evictDurableObject(twin)
    const asked = message(id, { kind: 'get' }, { sinceVersion: 1, clientToken: 't' })
    const responseTopic = `v1/devices/${id}/answers/7`
    await value(
      twin.take(link, [
        { ...asked, responseTopic, correlationData: 'Nw==' },
        { ...asked, responseTopic: 'v1/devices/other/answers' },
      ]),
    )
    const bridge = await connectBridge(link)
    await bridge.until(() => bridge.messages.length >= 2)
    const answers = bridge.messages.filter(({ payload }) => payload.clientToken === 't')
    expect(answers).toMatchObject([
      {
        topic: responseTopic,
        correlationData: 'Nw==',
        payload: {
          version: 3,
          delta: { b: { c: 2 } },
          changes: [
            { version: 2, patch: { b: { c: 2 } } },
            { version: 3, patch: { a: null } },
          ],
          complete: true,
        },
      },
      { topic: `v1/devices/${id}/twin/state`, payload: { version: 3, complete: true } },
    ])
  })

  it('finds deltas of both trees at the link, and its shadow where it left it', async () => {
    const { id, twin } = await makeTwin()
    const link = `link-${id}`
    const request = (action: 'get' | 'update' | 'delete', payload: unknown) =>
      twin.take(link, [message(id, { kind: 'shadow', action }, payload)])
    await value(request('update', { state: { reported: { led: 'off' } } }))
    await evictDurableObject(twin)
    await patch(twin, { led: 'on' })
    const bridge = await connectBridge(link)
    const shadow = `$aws/things/${id}/shadow`
    await bridge.until(() => bridge.messages.length >= 5)
    expect(bridge.messages.map(({ topic }) => topic)).toEqual([
      `${shadow}/update/accepted`,
      `${shadow}/update/documents`,
      `v1/devices/${id}/twin/delta`,
      `${shadow}/update/documents`,
      `${shadow}/update/delta`,
    ])
    await value(request('get', { clientToken: 'g' }))
    await bridge.until(() => bridge.messages.length >= 6)
    expect(bridge.messages[5]).toMatchObject({
      topic: `${shadow}/get/accepted`,
      qos: 1,
      payload: { state: { reported: { led: 'off' }, delta: { led: 'on' } }, version: 2 },
    })
    expect(await value(twin.twinHistory(principal(), { limit: 10 }))).toMatchObject({
      items: [
        { version: 2, section: 'desired', actor: principal().id },
        { version: 1, section: 'reported', actor: 'device' },
      ],
    })
  })
})

describe('telemetry', () => {
  it('is stored without touching the journal', async () => {
    const { id, twin } = await makeTwin()
    // The first of an hour sets the timer that tells of it.
    await value(twin.take('default', [message(id, climate, { values: { temperature: 1 } })]))
    const before = await rowCounts(twin)
    const batch = Array.from({ length: 20 }, (_, index) => numbered(id, index + 1))
    const taken = await value(twin.take('default', batch))
    expect(taken.results).toEqual(batch.map(() => ({ result: 'stored' })))
    expect(taken.ack).toEqual({ deviceId: id, epoch: 0, ackedThrough: 20 })
    expect(await rowCounts(twin)).toEqual({ ...before, samples: 21 })
  })

  it('comes back as latest, raw and minutes, also when the object left memory', async () => {
    const { id, twin } = await makeTwin()
    const at = Date.now() - 600_000
    const time = (seq: number) => new Date(at - (at % 60_000) + seq * 20_000).toISOString()
    const sample = (seq: number) => ({ seq, time: time(seq), values: { t: seq, ok: true } })
    await value(twin.take('default', [message(id, climate, [sample(1), sample(2), sample(4)])]))
    await evictDurableObject(twin)
    await value(twin.take('default', [message(id, climate, sample(3))]))
    const query = { stream: 'climate', resolution: 'raw' } as const
    const raw = await value(twin.telemetry(principal(), query))
    expect(raw.latest).toMatchObject({ climate: { seq: 4, values: { t: 4, ok: true } } })
    expect(raw.series).toMatchObject([1, 2, 3, 4].map((seq) => ({ seq, time: time(seq) })))
    const range = { ...query, from: time(2), to: time(4) }
    expect((await value(twin.telemetry(principal(), range))).series).toMatchObject([
      { seq: 2 },
      { seq: 3 },
    ])
    const minute = { stream: 'climate', resolution: 'minute' } as const
    expect((await value(twin.telemetry(principal(), minute))).series).toMatchObject([
      { count: 2, values: { t: { min: 1, max: 2, mean: 1.5, count: 2 } } },
      { count: 2, values: { t: { min: 3, max: 4, mean: 3.5, count: 2 } } },
    ])
  })

  it('keeps numbers beyond a gap and acknowledges only up to it', async () => {
    const { id, twin } = await makeTwin()
    const take = (...seqs: number[]) =>
      value(
        twin.take(
          'default',
          seqs.map((seq) => numbered(id, seq)),
        ),
      )
    expect((await take(1, 3)).ack?.ackedThrough).toBe(1)
    await evictDurableObject(twin)
    const again = await take(3, 1, 2)
    expect(again.results.map(({ result }) => result)).toEqual(['duplicate', 'duplicate', 'stored'])
    expect(again.ack?.ackedThrough).toBe(3)
    const newer = await value(
      twin.take('default', [numbered(id, 1, 0, 7), numbered(id, 9), numbered(id, 9)]),
    )
    expect(newer.results.map(({ result }) => result)).toEqual(['stored', 'stored', 'duplicate'])
    expect(newer.ack).toMatchObject({ epoch: 7, ackedThrough: 1 })
    expect((await take(10)).ack).toBeUndefined()
  })

  it('without numbers is told apart by its time and values', async () => {
    const { id, twin } = await makeTwin()
    const timed = { time: '2026-11-21T10:00:00Z', values: { t: 1 } }
    const take = (...samples: object[]) =>
      value(
        twin.take(
          'default',
          samples.map((sample) => message(id, climate, sample)),
        ),
      )
    const first = await take(timed, timed, { ...timed, values: { t: 2 } })
    expect(first.results.map(({ result }) => result)).toEqual(['stored', 'duplicate', 'stored'])
    await evictDurableObject(twin)
    const again = await take(timed, { values: { t: 1 } }, { values: { t: 1 } })
    expect(again.results.map(({ result }) => result)).toEqual(['duplicate', 'stored', 'stored'])
    expect(again.ack).toBeUndefined()
  })
})

describe('events and rules', () => {
  it('publish a crossed threshold once, until the value came back', async () => {
    const { id, twin } = await makeTwin()
    const rule = { stream: 'climate', field: 't', operator: 'above', threshold: 30 } as const
    await value(twin.putRules(principal(), [rule]))
    const sample = (t: number, seq: number) => message(id, climate, { seq, values: { t } })
    await value(twin.take('default', [sample(29, 1), sample(31, 2), sample(32, 3)]))
    await value(twin.take('default', [sample(31, 2), sample(33, 4)]))
    expect(await value(twin.rules(principal()))).toMatchObject([{ rule, triggered: true }])
    await value(twin.putRules(principal(), [{ ...rule }]))
    await value(twin.take('default', [sample(30, 5), sample(31, 6)]))
    await vi.waitFor(async () => expect(await received('rules', id)).toHaveLength(2), {
      timeout: 8_000,
    })
    expect((await received('rules', id)).map(({ data }) => data)).toMatchObject([
      { deviceName: 'Cellar', value: 31, rule },
      { deviceName: 'Cellar', value: 31, rule },
    ])
  })

  it('keep an event once by its number or its id', async () => {
    const { id, twin } = await makeTwin()
    const door = { kind: 'event', name: 'door' } as const
    const take = (...payloads: object[]) =>
      value(
        twin.take(
          'default',
          payloads.map((payload) => message(id, door, payload)),
        ),
      )
    const first = await take({ id: 'a', data: 1 }, { seq: 1, data: 2 }, { id: 'a', data: 1 })
    expect(first.results.map(({ result }) => result)).toEqual(['stored', 'stored', 'duplicate'])
    await evictDurableObject(twin)
    const again = await take({ id: 'a', data: 1 }, { seq: 1, data: 2 }, { data: null })
    expect(again.results.map(({ result }) => result)).toEqual(['duplicate', 'duplicate', 'stored'])
    await vi.waitFor(async () => expect(await received('webhooks', id)).toHaveLength(3), {
      timeout: 8_000,
    })
  })
})

describe('what cannot be taken', () => {
  it('is recorded once and does not keep the rest of the batch', async () => {
    const { id, twin } = await makeTwin()
    const deep = `{"values":${'['.repeat(10_000)}${']'.repeat(10_000)}}`
    const batch = [
      message(id, climate, 'no json'),
      numbered(id, 1),
      message(id, climate, deep),
      message(id, climate, { deviceId: 'other', values: { t: 1 } }),
      message(id, climate, { seq: 2, values: { t: { nested: 1 } } }),
      message(id, { kind: 'event', name: 'e' }, `{"data":${'['.repeat(40)}${']'.repeat(40)}}`),
      message(id, { kind: 'reported' }, { state: { a: 'x'.repeat(9_000) } }),
      message(id, { kind: 'reported' }, { state: { on: true }, version: 9 }),
      {
        ...message(id, climate, ''),
        payload: null,
        refused: { beginning: 'AAEC', encoding: 'base64' as const, bytes: 200_000 },
      },
      numbered(id, 3),
    ]
    const taken = await value(twin.take('default', batch))
    expect(taken.results.map(({ result, code }) => code ?? result)).toEqual([
      'malformed_json',
      'stored',
      'too_deep',
      'wrong_device',
      'invalid_payload',
      'too_deep',
      'too_large',
      'invalid_payload',
      'too_large',
      'stored',
    ])
    expect(taken.ack?.ackedThrough).toBe(3)
    const before = await rowCounts(twin)
    await evictDurableObject(twin)
    const again = await value(twin.take('default', batch))
    expect(again.results.map(({ result }) => result)).toEqual(
      taken.results.map(({ result }) => (result === 'stored' ? 'duplicate' : result)),
    )
    expect(await rowCounts(twin)).toEqual(before)
    await vi.waitFor(async () => expect(await received('dead-letters', id)).toHaveLength(8), {
      timeout: 8_000,
    })
    expect((await received('dead-letters', id))[0]?.data).toMatchObject({
      deviceId: id,
      code: 'malformed_json',
      payload: 'no json',
    })
  })
})

describe('a socket of a device', () => {
  async function open(twin: Twin, who = principal()) {
    const { ticket } = await value(twin.issueTicket(who))
    const response = await twin.fetch('http://twin/ws', {
      headers: {
        upgrade: 'websocket',
        'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}`,
      },
    })
    if (response.webSocket === null) throw new Error(`refused: ${response.status}`)
    return new Bridge(response.webSocket)
  }
  const flat = (socket: Bridge) =>
    socket.frames.flatMap((frame) =>
      frame.type === 'batch' ? (frame.data.events as typeof socket.frames) : [frame],
    )

  it('shows the device, its live telemetry and its events', async () => {
    const { id, twin } = await makeTwin()
    await value(twin.take('default', [numbered(id, 1, 20)]))
    const socket = await open(twin)
    await until(
      () => socket.frames.length > 0,
      () => '',
    )
    expect(socket.frames[0]).toMatchObject({
      type: 'welcome',
      data: {
        snapshot: {
          device: { id },
          twin: { version: 0 },
          presence: { state: 'unknown' },
          telemetry: { latest: { climate: { values: { temperature: 20 } } } },
        },
      },
    })
    await value(
      twin.take('default', [
        numbered(id, 2, 21),
        numbered(id, 2, 21),
        numbered(id, 3, 22),
        message(id, { kind: 'presence' }, online('s1')),
      ]),
    )
    await socket.until(() => flat(socket).some(({ type }) => type === 'device.presence'))
    const live = flat(socket).filter(({ type }) => type === 'device.telemetry')
    expect(live).toHaveLength(1)
    expect(live[0]).toMatchObject({
      data: {
        stream: 'climate',
        samples: [
          { seq: 2, values: { temperature: 21 } },
          { seq: 3, values: { temperature: 22 } },
        ],
      },
    })
    socket.socket.close(1000, 'done')
    await until(
      () => socket.closed !== undefined,
      () => '',
    )
  })

  it('patches the twin, once for each id', async () => {
    const { twin } = await makeTwin()
    const socket = await open(twin)
    const patch = { type: 'twin.patch', id: 'p1', data: { desired: { on: true } } }
    socket.send(patch)
    socket.send(patch)
    socket.send({ type: 'twin.patch', id: 'p2', data: { desired: { on: false }, version: 0 } })
    socket.send({ type: 'telemetry.send', id: 'p3', data: {} })
    socket.send({ type: 'twin.patch', id: 'p4', data: {} })
    const answers = () =>
      socket.frames.filter(({ type }) => type === 'ack' || type === 'error').map(({ data }) => data)
    await socket.until(() => answers().length === 5)
    expect(answers()).toMatchObject([
      { id: 'p1', seq: 2 },
      { id: 'p1', seq: 2 },
      { id: 'p2', code: 'version_conflict' },
      { id: 'p3', code: 'invalid_request' },
      { id: 'p4', code: 'validation_failed' },
    ])
    await twin.closeSession('session-1')
    await until(
      () => socket.closed?.code === 4401,
      () => JSON.stringify(socket.closed),
    )
  })
})
