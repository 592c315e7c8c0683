import { type CommandState, finalCommandStates } from '@menagerie/contracts'
import type { JsonObject, Principal } from '@menagerie/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceMessage, TopicKind } from '../../src/device-twin/twin-types.ts'
import { deviceId, World } from './world.ts'

const ann = { kind: 'user', id: 'ann' } as Principal
const COUNT = 6

type Answer = Extract<TopicKind, { kind: 'answer' }>['answer']

type Step = { diesAfter: number | undefined } & (
  | { do: 'send'; timeoutSeconds: number; ttlSeconds: number; atMostOnce: boolean }
  | { do: 'answer'; pick: number; answer: Answer; payload: JsonObject }
  | { do: 'repeat'; pick: number }
  | { do: 'presence'; state: 'online' | 'offline' }
  | { do: 'wait'; seconds: number }
  | { do: 'alarm' }
  | { do: 'cancel'; pick: number }
  | { do: 'leave' }
  | { do: 'link'; isAway: boolean }
)

const of = <T extends Step['do']>(name: T) => ({
  do: fc.constant(name),
  diesAfter: fc.option(fc.nat(25), { nil: undefined, freq: 4 }),
})
const pick = fc.nat(COUNT - 1)

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        ...of('send'),
        timeoutSeconds: fc.constantFrom(5, 30),
        ttlSeconds: fc.constantFrom(0, 10, 10, 60),
        atMostOnce: fc.boolean(),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        ...of('answer'),
        pick,
        answer: fc.constantFrom<Answer>('ack', 'progress', 'result'),
        payload: fc.constantFrom<JsonObject>(
          {},
          { status: 'rejected' },
          { status: 'succeeded' },
          { status: 'failed', error: { code: 'E' } },
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ ...of('repeat'), pick: fc.nat(20) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        ...of('presence'),
        state: fc.constantFrom('online' as const, 'offline' as const),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ ...of('wait'), seconds: fc.constantFrom(0.2, 1, 5, 10, 30) }),
    },
    { weight: 2, arbitrary: fc.record(of('alarm')) },
    fc.record({ ...of('cancel'), pick }),
    fc.record(of('leave')),
    fc.record({ ...of('link'), isAway: fc.boolean() }),
  ),
  { maxLength: 40 },
)

interface Told {
  commandId: string
  state: CommandState
  previousState: CommandState | null
  attempts: number
  /** Milliseconds since the epoch. */
  at: number
}

/** A device with people and a broker around it; everything that a history of steps needs. */
class Scene {
  readonly world = new World()
  /** In the order of creation. */
  readonly ids: string[] = []
  readonly atMostOnce = new Set<string>()
  readonly #messages: DeviceMessage[] = []
  #session = 0

  async run(step: Step): Promise<void> {
    const points = step.diesAfter ?? Number.POSITIVE_INFINITY
    switch (step.do) {
      case 'send':
        return this.#send(step, points)
      case 'answer': {
        const commandId = this.ids[step.pick] ?? 'nobody-knows-it'
        const told = { kind: 'answer', answer: step.answer, commandId } as const
        const topic = `v1/devices/${deviceId}/commands/${commandId}/${step.answer}`
        return this.#take(this.#message(told, topic, step.payload), points)
      }
      case 'repeat': {
        const again = this.#messages[step.pick]
        if (again !== undefined) this.world.take([again], points)
        return
      }
      case 'presence': {
        if (step.state === 'online') this.#session += 1
        const payload = { state: step.state, session: `s${this.#session}` }
        const topic = `v1/devices/${deviceId}/presence`
        return this.#take(this.#message({ kind: 'presence' }, topic, payload), points)
      }
      case 'wait':
        this.world.clock += step.seconds * 1000
        return
      case 'alarm':
        return this.world.alarm()
      case 'cancel': {
        const commandId = this.ids[step.pick]
        if (commandId === undefined) return
        this.world.mortal(() => this.world.desk.cancel(ann, { key: null, commandId }, {}), points)
        return
      }
      case 'link':
        this.world.isLinkAway = step.isAway
        return
      case 'leave':
        return this.world.evict()
    }
  }

  /** Every event about a command, in order. */
  told(): Told[] {
    return this.world.storage
      .exec<{ data: string; time: string }>(
        `SELECT data, time FROM events WHERE type = 'command.status' ORDER BY seq`,
      )
      .map(({ data, time }) => ({ ...(JSON.parse(data) as Told), at: Date.parse(time) }))
  }

  /** A caller that got no answer asks again under its key. */
  #send(step: Extract<Step, { do: 'send' }>, points: number): void {
    if (this.ids.length === COUNT) return
    const { timeoutSeconds, ttlSeconds, atMostOnce } = step
    const request = { name: 'reboot', payload: {}, timeoutSeconds, ttlSeconds, atMostOnce }
    const asked = { key: `key-${this.ids.length}`, request }
    const send = () => this.world.desk.send(ann, 'http', asked, {})
    const sent = this.world.mortal(send, points) ?? send()
    if (!sent.ok) throw new Error(sent.error.code)
    const { id } = sent.value.command
    this.ids.push(id)
    if (atMostOnce) this.atMostOnce.add(id)
  }

  #take(message: DeviceMessage, points: number): void {
    this.#messages.push(message)
    // What is not answered, the broker brings again.
    if (this.world.take([message], points) === undefined) this.world.take([message])
  }

  #message(kind: TopicKind, topic: string, payload: JsonObject): DeviceMessage {
    const arrived = new Date(this.world.clock).toISOString()
    const receivedAt = arrived.replace('Z', `${String(this.#messages.length).padStart(3, '0')}Z`)
    return { topic, of: kind, payload: JSON.stringify(payload), qos: 1, receivedAt }
  }
}

function expectExact(scene: Scene): void {
  const { ids, world, atMostOnce } = scene
  const told = scene.told()
  const firstSends: string[] = []
  for (const id of ids) {
    const own = told.filter(({ commandId }) => commandId === id)
    const ends = own.filter(({ state }) => finalCommandStates.has(state))
    expect(ends).toHaveLength(1)
    expect(own.at(-1)).toBe(ends[0])
    expect(own.map(({ previousState }) => previousState)).toEqual([
      null,
      ...own.slice(0, -1).map(({ state }) => state),
    ])
    const [row] = world.storage.exec<{ expires_at: number }>(
      'SELECT expires_at FROM commands WHERE id = ?',
      id,
    )
    for (const { state, previousState, at } of own)
      if (state === 'SENT' && previousState === 'QUEUED')
        expect(at).toBeLessThan(row?.expires_at ?? 0)
    const attempts = own.at(-1)?.attempts ?? 0
    if (atMostOnce.has(id)) expect(attempts).toBeLessThanOrEqual(1)
    const handed = world.sent.filter(({ topic }) => topic.endsWith(`/commands/${id}`))
    expect(handed).toHaveLength(attempts)
    if (own.at(-1)?.state === 'EXPIRED') expect(attempts).toBe(0)
  }
  for (const { topic } of world.sent) {
    const id = topic.split('/').at(-1) ?? ''
    if (topic.includes('/commands/') && !firstSends.includes(id)) firstSends.push(id)
  }
  expect(firstSends).toEqual(ids.filter((id) => firstSends.includes(id)))
  expect(new Set(told.map(({ commandId }) => commandId))).toEqual(new Set(ids))
  expect(world.storage.exec('SELECT 1 FROM timers')).toEqual([])
  expect(world.storage.exec('SELECT 1 FROM commands WHERE finished_at IS NULL')).toEqual([])
}

describe('commands', () => {
  it('have one end each and are sent in order and never after it, whatever is lost, repeated, late or dies', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.boolean(), async (history, isAway) => {
        const scene = new Scene()
        if (isAway) await scene.run({ do: 'presence', state: 'offline', diesAfter: undefined })
        for (const step of history) await scene.run(step)
        scene.world.isLinkAway = false
        scene.world.clock += 3_600_000
        await scene.world.alarm()
        expectExact(scene)
        scene.world.storage.close()
      }),
      { numRuns: 250 },
    )
  })

  it('leave no trace of a send that died, or all of it', () => {
    for (let points = 0; ; points++) {
      const world = new World()
      const request = {
        name: 'reboot',
        payload: {},
        timeoutSeconds: 5,
        ttlSeconds: 5,
        atMostOnce: false,
      }
      const send = () => world.desk.send(ann, 'http', { key: 'k', request }, {})
      const sent = world.mortal(send, points)
      const count = world.storage.exec('SELECT 1 FROM commands').length
      const outbox = world.storage.exec(`SELECT 1 FROM outbox WHERE destination = 'link'`).length
      expect(outbox).toBe(count)
      if (sent !== undefined) {
        expect(points).toBeGreaterThan(8)
        break
      }
      expect(send()).toMatchObject({ ok: true, value: { replayed: count === 1 } })
      expect(world.storage.exec('SELECT 1 FROM commands')).toHaveLength(1)
    }
  })

  it('are sent again once for a batch, however often the device came online in it, and not when it went', () => {
    const presence = (state: string, session: number): DeviceMessage => ({
      of: { kind: 'presence' },
      topic: `v1/devices/${deviceId}/presence`,
      payload: JSON.stringify({ state, session: String(session) }),
      qos: 1,
      receivedAt: '2026-11-21T10:00:00.000Z',
    })
    const world = new World()
    const request = {
      name: 'x',
      payload: {},
      timeoutSeconds: 60,
      ttlSeconds: 60,
      atMostOnce: false,
    }
    const sent = world.desk.send(ann, 'http', { key: null, request }, {})
    if (!sent.ok) throw new Error(sent.error.code)
    const attempts = () => {
      const command = world.desk.get(ann, sent.value.command.id)
      return command.ok && command.value.attempts
    }
    world.take(Array.from({ length: 50 }, (_, session) => presence('online', session)))
    expect(attempts()).toBe(2)
    world.take([presence('online', 50), presence('offline', 50)])
    expect(attempts()).toBe(2)
  })

  it('keep the newest 1,000 that ended, and all that are open', () => {
    const world = new World()
    const request = { name: 'x', payload: {}, timeoutSeconds: 60, atMostOnce: false }
    const send = (ttlSeconds: number) => {
      const sent = world.desk.send(
        ann,
        'http',
        { key: null, request: { ...request, ttlSeconds } },
        {},
      )
      if (!sent.ok) throw new Error(sent.error.code)
      return sent.value.command.id
    }
    const first = send(60)
    const ended = Array.from({ length: 1_003 }, () => {
      const commandId = send(60)
      world.desk.cancel(ann, { key: null, commandId }, {})
      return commandId
    })
    expect(world.storage.exec('SELECT 1 FROM commands')).toHaveLength(1_001)
    expect(world.desk.get(ann, first)).toMatchObject({ value: { state: 'SENT' } })
    expect(world.desk.get(ann, ended[2] ?? '')).toMatchObject({
      error: { code: 'command_not_found' },
    })
    expect(world.desk.get(ann, ended[3] ?? '')).toMatchObject({ ok: true })
  })
})
