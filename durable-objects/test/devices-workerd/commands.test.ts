import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import type { Downlink, SendCommandRequest } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import {
  Bridge,
  bob,
  climate,
  connectBridge,
  makeTwin,
  message,
  migrate,
  offline,
  online,
  principal,
  received,
  type Twin,
  value,
} from './support.ts'

beforeAll(migrate)

const ann = principal()
const asked = (change: Partial<SendCommandRequest> = {}): SendCommandRequest => ({
  name: 'reboot',
  payload: { delay: 5 },
  timeoutSeconds: 30,
  ttlSeconds: 60,
  atMostOnce: false,
  ...change,
})

/** Ann's device at a broker of its own. */
async function scene() {
  const { id, twin } = await makeTwin()
  const link = `link-${id}`
  const bridge = await connectBridge(link)
  const send = async (change: Partial<SendCommandRequest> = {}, key: string | null = null) =>
    (await value(twin.sendCommand(ann, { key, request: asked(change) }))).command
  const take = async (...messages: ReturnType<typeof message>[]) =>
    (await value(twin.take(link, messages))).results.map(({ code, result }) => code ?? result)
  // The way back is known by the link that the device was last heard from.
  await take(message(id, climate, { values: { t: 1 } }))
  const presence = (state: object) => take(message(id, { kind: 'presence' }, state))
  const answer = (commandId: string, kind: 'ack' | 'progress' | 'result', payload: unknown) =>
    message(id, { kind: 'answer', answer: kind, commandId }, payload)
  const state = async (commandId: string) => value(twin.getCommand(ann, commandId))
  const handed = () => bridge.messages.map(({ topic }) => topic.split('/').at(-1))
  return { id, twin, bridge, send, take, presence, answer, state, handed }
}

describe('a command', () => {
  it('reaches a device that tells no presence at once, and ends with its result', async () => {
    const { id, bridge, send, take, answer, state } = await scene()
    const command = await send()
    expect(command).toMatchObject({
      deviceId: id,
      state: 'SENT',
      attempts: 1,
      payload: { delay: 5 },
      progress: null,
      result: null,
      error: null,
    })
    await bridge.until(() => bridge.messages.length === 1)
    const topic = `v1/devices/${id}/commands/${command.id}`
    const expiresAt = new Date(Date.parse(command.sentAt ?? '') + 30_000).toISOString()
    expect(bridge.messages[0]).toEqual({
      id: expect.any(String),
      topic,
      payload: { name: 'reboot', payload: { delay: 5 }, expiresAt },
      qos: 1,
      retain: false,
      responseTopic: `${topic}/result`,
      correlationData: btoa(command.id),
      expiresAt,
    } satisfies Downlink)
    expect(await take(answer(command.id, 'ack', ''))).toEqual(['stored'])
    expect(await state(command.id)).toMatchObject({ state: 'DELIVERED' })
    const half = answer(command.id, 'progress', { percent: 50 })
    const done = answer(command.id, 'result', { status: 'succeeded', result: { uptime: 0 } })
    expect(await take(half, half, done, done, half)).toEqual([
      'stored',
      'duplicate',
      'stored',
      'duplicate',
      'duplicate',
    ])
    expect(await state(command.id)).toMatchObject({
      state: 'SUCCESSFUL',
      progress: { percent: 50 },
      result: { uptime: 0 },
      finishedAt: expect.any(String),
    })
    await vi.waitFor(
      async () => {
        for (const queue of ['history', 'webhooks'])
          expect(await received(queue, id)).toContainEqual(
            expect.objectContaining({
              type: 'device.command.finished.v1',
              data: expect.objectContaining({ commandId: command.id, state: 'SUCCESSFUL' }),
            }),
          )
      },
      { timeout: 8_000 },
    )
  })

  it('is not known by another id, and a refused answer changes nothing', async () => {
    const { id, send, take, answer, state } = await scene()
    const command = await send()
    expect(
      await take(
        answer(newId(), 'result', { status: 'succeeded' }),
        answer(command.id, 'result', { status: 'perhaps' }),
        answer(command.id, 'result', 'no JSON'),
        answer(command.id, 'ack', { deviceId: 'another' }),
      ),
    ).toEqual(['unknown_topic', 'invalid_payload', 'malformed_json', 'wrong_device'])
    expect(await state(command.id)).toMatchObject({ state: 'SENT' })
    await vi.waitFor(
      async () =>
        expect(
          (await received('dead-letters', id)).filter(({ type }) => type.includes('rejected')),
        ).toHaveLength(4),
      { timeout: 8_000 },
    )
  })

  it('waits for a device that sleeps and is sent in order when it comes, also after an eviction', async () => {
    const { twin, bridge, send, presence, handed, state } = await scene()
    await presence(online('s1'))
    await presence(offline('s1'))
    const waiting = [await send(), await send({ atMostOnce: true }), await send()]
    expect(waiting.map((command) => command.state)).toEqual(['QUEUED', 'QUEUED', 'QUEUED'])
    expect(await send({ ttlSeconds: 0 })).toMatchObject({ state: 'EXPIRED', attempts: 0 })
    await evictDurableObject(twin)
    await presence(online('s2'))
    const ids = waiting.map((command) => command.id)
    await bridge.until(() => handed().length === 3)
    expect(handed()).toEqual(ids)
    // A new session, and nothing was confirmed: again, but for the one that may go once at most.
    await presence(online('s3'))
    await bridge.until(() => handed().length === 5)
    expect(handed().slice(3)).toEqual([ids[0], ids[2]])
    expect((await Promise.all(ids.map(state))).map(({ attempts }) => attempts)).toEqual([2, 1, 2])
  })

  it('times out and expires by the alarm, also of an object that left memory', async () => {
    const { id, twin, bridge, send, presence, state, answer, take } = await scene()
    const slow = await send({ timeoutSeconds: 1 })
    await bridge.until(() => bridge.messages.length === 1)
    await presence(online('s1'))
    await presence(offline('s1'))
    const queued = await send({ ttlSeconds: 1 })
    await evictDurableObject(twin)
    await vi.waitFor(
      async () => {
        expect(await state(slow.id)).toMatchObject({ state: 'TIMEOUT', error: null })
        expect(await state(queued.id)).toMatchObject({ state: 'EXPIRED', attempts: 0 })
      },
      { timeout: 8_000 },
    )
    expect(await take(answer(slow.id, 'result', { status: 'succeeded' }))).toEqual(['duplicate'])
    await presence(online('s2'))
    expect(await state(queued.id)).toMatchObject({ state: 'EXPIRED' })
    const timers = await runInDurableObject(twin, (_, storage) =>
      storage.storage.sql.exec(`SELECT name FROM timers WHERE name = 'commands'`).toArray(),
    )
    expect(timers).toEqual([])
    const ends = async () =>
      (await received('history', id))
        .filter(({ type }) => type === 'device.command.finished.v1')
        .map(({ data }) => (data as { state: string }).state)
    await vi.waitFor(async () => expect((await ends()).sort()).toEqual(['EXPIRED', 'TIMEOUT']), {
      timeout: 8_000,
    })
  })

  it('is canceled once, and not after its end', async () => {
    const { twin, send, state } = await scene()
    const { id: commandId } = await send()
    const cancel = (key: string | null = null) => twin.cancelCommand(ann, { key, commandId })
    const first = await value(cancel('k'))
    expect(first).toMatchObject({
      replayed: false,
      command: { state: 'FAILED', error: { code: 'canceled', message: null } },
    })
    expect(await cancel()).toMatchObject({ error: { code: 'command_ended' } })
    expect(await value(cancel('k'))).toEqual({ ...first, replayed: true })
    expect(await state(commandId)).toEqual(first.command)
    expect(await twin.cancelCommand(ann, { key: null, commandId: newId() })).toMatchObject({
      error: { code: 'command_not_found' },
    })
  })

  it('ends with its device', async () => {
    const { id, twin, send, presence } = await scene()
    const sent = await send()
    await presence(online('s1'))
    await presence(offline('s1'))
    const queued = await send()
    await value(twin.remove(ann))
    expect(await twin.getCommand(ann, sent.id)).toMatchObject({ error: { code: 'not_found' } })
    const ends = async () =>
      (await received('history', id))
        .filter(({ type }) => type === 'device.command.finished.v1')
        .map(({ data }) => data)
    await vi.waitFor(async () => expect(await ends()).toHaveLength(2), { timeout: 8_000 })
    for (const commandId of [sent.id, queued.id])
      expect(await ends()).toContainEqual(
        expect.objectContaining({
          commandId,
          state: 'FAILED',
          error: { code: 'device_removed', message: null },
        }),
      )
    const kept = await runInDurableObject(twin, (_, { storage }) => ({
      commands: storage.sql.exec('SELECT 1 FROM commands').toArray(),
      timers: storage.sql.exec('SELECT name FROM timers').toArray(),
    }))
    expect(kept).toEqual({ commands: [], timers: [] })
  })

  it('is sent once for a key, and at most a hundred are open', async () => {
    const { twin, send } = await scene()
    const first = await send({}, 'key')
    await evictDurableObject(twin)
    expect(await send({}, 'key')).toEqual(first)
    expect(
      await twin.sendCommand(ann, { key: 'key', request: asked({ name: 'other' }) }),
    ).toMatchObject({ error: { code: 'idempotency_mismatch' } })
    for (let n = 1; n < 100; n++) await send()
    const full = await twin.sendCommand(ann, { key: 'one more', request: asked() })
    expect(full).toMatchObject({ error: { code: 'too_many_requests' } })
    expect(await send({}, 'key')).toEqual(first)
    await value(twin.cancelCommand(ann, { key: null, commandId: first.id }))
    expect(await send({}, 'one more')).toMatchObject({ state: 'SENT' })
  })

  it('is not for who may not write the device', async () => {
    const { twin, send } = await scene()
    const { id: commandId } = await send()
    const reader = principal({ id: bob, permissions: ['devices:read'] })
    const send2 = (who: ReturnType<typeof principal>) =>
      twin.sendCommand(who, { key: null, request: asked() })
    expect(await send2(principal({ id: bob }))).toMatchObject({ error: { code: 'not_found' } })
    expect(await send2(reader)).toMatchObject({ error: { code: 'forbidden' } })
    expect(await twin.cancelCommand(reader, { key: null, commandId })).toMatchObject({
      error: { code: 'forbidden' },
    })
    expect(await twin.getCommand(reader, commandId)).toMatchObject({ ok: true })
    expect(await twin.listCommands(principal({ id: bob }), { limit: 1 })).toMatchObject({
      error: { code: 'not_found' },
    })
  })

  it('has a payload of at most 8 KiB and 8 levels that can be stored', async () => {
    const { twin } = await scene()
    const deep = (levels: number): Record<string, unknown> =>
      levels === 1 ? {} : { in: deep(levels - 1) }
    const send = (payload: Record<string, unknown>) =>
      twin.sendCommand(ann, { key: null, request: asked({ payload }) })
    expect(await send(deep(8))).toMatchObject({ ok: true })
    for (const payload of [deep(9), { x: 'y'.repeat(8_192) }, { x: '\ud800' }])
      expect(await send(payload)).toMatchObject({
        error: { code: 'validation_failed', pointer: '/payload' },
      })
  })
})

describe('a socket', () => {
  async function open(twin: Twin) {
    const { ticket } = await value(twin.issueTicket(ann))
    const headers = {
      upgrade: 'websocket',
      'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}`,
    }
    const { webSocket } = await twin.fetch('http://twin/ws', { headers })
    if (webSocket === null) throw new Error('refused')
    return new Bridge(webSocket)
  }
  const flat = (socket: Bridge) =>
    socket.frames.flatMap((frame) =>
      frame.type === 'batch' ? (frame.data.events as typeof socket.frames) : [frame],
    )

  it('sends commands, once for each id, and every socket is told what becomes of them', async () => {
    const { twin, take, answer } = await scene()
    const [sender, other] = [await open(twin), await open(twin)]
    const frame = { type: 'command.send', id: 'c1', data: { name: 'reboot', timeoutSeconds: 5 } }
    sender.send(frame)
    sender.send(frame)
    sender.send({ type: 'command.send', id: 'c2', data: {} })
    sender.send('{"type":"command.send","id":"c3","data":{"name":"x","payload":{"__proto__":{}}}}')
    const answers = () =>
      sender.frames.filter(({ type }) => type === 'ack' || type === 'error').map(({ data }) => data)
    await sender.until(() => answers().length === 4)
    expect(answers()).toMatchObject([
      { id: 'c1', seq: 2 },
      { id: 'c1', seq: 2 },
      { id: 'c2', code: 'validation_failed' },
      { id: 'c3', code: 'validation_failed' },
    ])
    const page = await value(twin.listCommands(ann, { limit: 10 }))
    const commandId = page.items[0]?.id ?? ''
    expect(page.items).toHaveLength(1)
    await take(answer(commandId, 'result', { status: 'failed', error: 'jammed' }))
    for (const socket of [sender, other]) {
      const told = () => flat(socket).filter(({ type }) => type === 'command.status')
      await socket.until(() => told().length === 2)
      expect(told().map(({ data }) => data)).toMatchObject([
        { commandId, name: 'reboot', state: 'SENT', previousState: null, attempts: 1 },
        {
          commandId,
          state: 'FAILED',
          previousState: 'SENT',
          error: { code: 'failed', message: 'jammed' },
        },
      ])
    }
  })
})
