import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  aService,
  ask,
  aUser,
  type Caller,
  eventually,
  placed,
  tell,
  testEnv,
  webhook,
} from './support/api.ts'

// The carrier takes calls to this number and says nothing: what it tells is up to the test.
const silent = '+12025550106'
const CallSid = `CA${'1'.repeat(32)}`

let agent: Caller
let supervisor: Caller
let user: Caller
beforeAll(async () => {
  ;[agent, supervisor, user] = await Promise.all([
    aUser('agent'),
    aUser('supervisor'),
    aUser('user'),
  ])
})

const start = (caller: Caller, body: object = {}, headers: Record<string, string> = {}) =>
  ask(caller, 'POST', '/calls/start', { to: silent, ...body }, headers)
const startedId = async (): Promise<string> => (await start(agent)).body.data.id
const statuses = async (id: string) =>
  (await ask(agent, 'GET', `/calls/${id}/events`)).body.data
    .filter((event: { type: string }) => event.type === 'call.status')
    .map((event: { data: { status: string } }) => event.data.status)
describe('POST /calls/start', () => {
  test('opens a room, answers with a ticket and has the carrier dial once', async () => {
    const { status, body } = await start(agent, { metadata: { case: '7' } })
    expect(status).toBe(201)
    expect(body.data).toMatchObject({
      status: 'queued',
      direction: 'outbound',
      from: '+12025550100',
      to: silent,
    })
    const { id, room } = body.data
    expect(room.url).toBe(`ws://localhost:9/calls/${id}/ws`)
    await eventually(async () => expect(await placed(id)).toHaveLength(1))
    const call = await ask(agent, 'GET', `/calls/${id}`)
    expect(call.body.data).toMatchObject({ id, status: 'queued', seq: 1, metadata: { case: '7' } })
  })

  test('with a known Idempotency-Key gives the same call and a fresh ticket', async () => {
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(Array.from({ length: 10 }, () => start(agent, {}, key)))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    expect(new Set(answers.map(({ body }) => body.data.room.ticket)).size).toBe(10)
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')
    expect(replays).toHaveLength(9)
    const other = await start(agent, { record: true }, key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    // The key is the caller's own.
    expect((await start(supervisor, {}, key)).body.data.id).not.toBe(answers[0]?.body.data.id)
  })

  test('refuses who may not call, what is malformed and what is not built', async () => {
    const outcomes = await Promise.all([
      ask(undefined, 'POST', '/calls/start', { to: silent }),
      start(user),
      start(agent, { to: '123' }),
      start(agent, { extra: 1 }),
      start(agent, { flowId: newId() }),
      start(agent, { statusCallback: 'https://example.com/' }),
      start(agent, {}, { 'idempotency-key': 'x'.repeat(256) }),
    ])
    const codes = outcomes.map(({ status, body }: Answer) => [status, body.code])
    expect(codes).toEqual([
      [401, 'unauthorized'],
      [403, 'forbidden'],
      [422, 'validation_failed'],
      [422, 'validation_failed'],
      [422, 'validation_failed'],
      [501, 'not_implemented'],
      [422, 'validation_failed'],
    ])
  })

  test('a call that the carrier refuses has failed', async () => {
    const { id } = (await start(agent, { to: '+9991234567890' })).body.data
    await eventually(async () => expect(await statuses(id)).toEqual(['failed']))
    const { hangupCause } = (await ask(agent, 'GET', `/calls/${id}`)).body.data
    expect(hangupCause).toBe('carrier_refused')
  })
})

describe('webhooks', () => {
  test('move the call on, once each, and never back', async () => {
    const id = await startedId()
    for (const [word, sequence] of [
      ['initiated', 0],
      ['ringing', 1],
      ['ringing', 1],
      ['in-progress', 2],
      ['ringing', 1],
      ['completed', 3],
      ['in-progress', 2],
      ['busy', 4],
    ] as const)
      expect((await tell(id, word, sequence)).status).toBe(204)
    expect(await statuses(id)).toEqual(['ringing', 'in-progress', 'completed'])
  })

  test('that are forged change nothing', async () => {
    const id = await startedId()
    const fields = { CallSid, CallStatus: 'completed' }
    const forged = await webhook(id, fields, { signature: 'Zm9yZ2VkIHNpZ25hdHVyZSEhISE=' })
    expect([forged.status, forged.body.code]).toEqual([403, 'invalid_signature'])
    expect(await statuses(id)).toEqual([])
  })

  test('of unknown calls, other types and senseless fields are refused', async () => {
    const id = await startedId()
    const fields = { CallSid, CallStatus: 'ringing' }
    expect((await webhook(newId(), fields)).status).toBe(404)
    expect((await webhook('nonsense', fields)).status).toBe(404)
    expect((await webhook(id, fields, { contentType: 'application/json' })).status).toBe(415)
    expect((await webhook(id, { CallSid, CallStatus: 'dancing' })).status).toBe(422)
    expect((await webhook(id, { CallStatus: 'ringing' })).status).toBe(422)
  })

  test('of an answered call get TwiML that keeps it open, of an ended one TwiML that ends it', async () => {
    const id = await startedId()
    await tell(id, 'ringing')
    const CallSid = (await placed(id))[0]?.sid ?? ''
    const path = '/webhooks/twilio/voice'
    const answered = await webhook(id, { CallSid, CallStatus: 'in-progress' }, { path })
    expect(answered.headers.get('content-type')).toContain('text/xml')
    expect(answered.body).toContain('<Pause')
    expect(await statuses(id)).toEqual(['ringing', 'in-progress'])
    await tell(id, 'completed')
    const late = await webhook(id, { CallSid, CallStatus: 'in-progress' }, { path })
    expect(late.body).toContain('<Hangup/>')
  })
})

describe('a call', () => {
  test('is seen by those it belongs to and by supervisors; for others it does not exist', async () => {
    const { body } = await start(agent, { agentId: user.id })
    const { id } = body.data
    const stranger = await aUser('agent')
    const seen = async (caller: Caller) => (await ask(caller, 'GET', `/calls/${id}`)).status
    expect([await seen(agent), await seen(user), await seen(supervisor)]).toEqual([200, 200, 200])
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/events'],
      ['POST', '/ticket'],
      ['POST', '/hangup'],
    ] as const) {
      const mine = await ask(stranger, method, `/calls/${id}${path}`)
      const nobodys = await ask(stranger, method, `/calls/${newId()}${path}`)
      expect([mine.status, mine.body.code]).toEqual([404, 'not_found'])
      expect([mine.body.status, mine.body.detail]).toEqual([
        nobodys.body.status,
        nobodys.body.detail,
      ])
    }
  })

  test('is hung up once: 202, the same for the same key, 409 when it has ended', async () => {
    const id = await startedId()
    await eventually(async () => expect(await placed(id)).toHaveLength(1))
    await tell(id, 'in-progress')
    const key = { 'idempotency-key': newId() }
    const hangup = () => ask(agent, 'POST', `/calls/${id}/hangup`, undefined, key)
    const first = await hangup()
    expect([first.status, first.body.data.status]).toEqual([202, 'in-progress'])
    await eventually(async () => expect((await placed(id))[0]?.status).toBe('completed'))
    await tell(id, 'completed')
    const again = await hangup()
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true'])
    expect(again.body.data).toEqual(first.body.data)
    const late = await ask(agent, 'POST', `/calls/${id}/hangup`)
    expect([late.status, late.body.code]).toEqual([409, 'conflict'])
    expect((await ask(agent, 'GET', `/calls/${id}`)).body.data).toMatchObject({
      status: 'completed',
      hangupCause: 'hangup',
    })
  })

  test('that nobody answers any more ends at the ring timeout', async () => {
    const { body } = await start(agent, { ringTimeoutSeconds: 1 })
    await tell(body.data.id, 'ringing')
    await eventually(async () =>
      expect(await statuses(body.data.id)).toEqual(['ringing', 'no-answer']),
    )
  })

  test('shows its events page by page', async () => {
    const id = await startedId()
    await tell(id, 'ringing')
    const first = await ask(agent, 'GET', `/calls/${id}/events?limit=1`)
    expect(first.body.meta.nextCursor).toBe('1')
    const next = first.headers.get('link')?.match(/^<(.+)>; rel="next"$/)?.[1] ?? ''
    const second = await ask(agent, 'GET', next)
    expect(second.body.data).toMatchObject([{ seq: 2, id: `calls/${id}:2`, type: 'call.status' }])
    expect(second.body.meta.nextCursor).toBeUndefined()
    const byCursor = await ask(agent, 'GET', `/calls/${id}/events?limit=1&cursor=1`)
    expect(byCursor.body.data).toEqual(second.body.data)
  })
})

describe('GET /calls/history', () => {
  const listed = async (caller: Caller, query = '') =>
    (await ask(caller, 'GET', `/calls/history${query}`)).body.data as {
      id: string
      status: string
    }[]

  test('lists own calls for agents and all for supervisors, newest first, as they are', async () => {
    const other = await aUser('agent')
    const mine = (await start(other)).body.data.id
    const later = await startedId()
    await eventually(async () => expect(await listed(other)).toHaveLength(1))
    await tell(mine, 'busy')
    await eventually(async () => expect((await listed(other))[0]?.status).toBe('busy'))
    await eventually(async () => {
      const ids = (await listed(supervisor)).map(({ id }) => id)
      expect(ids.slice(0, 2)).toEqual([later, mine])
    })
    expect(await listed(user, '?status=busy')).toEqual([])
  })

  test('goes on from a signed cursor, which is bound to the caller and the filters', async () => {
    const caller = await aUser('agent')
    const started: string[] = []
    for (let made = 0; made < 3; made++) started.unshift((await start(caller)).body.data.id)
    await eventually(async () => expect(await listed(caller)).toHaveLength(3))
    const first = await ask(caller, 'GET', '/calls/history?limit=2')
    const { nextCursor } = first.body.meta
    const rest = await ask(caller, 'GET', `/calls/history?limit=2&cursor=${nextCursor}`)
    const ids = [...first.body.data, ...rest.body.data].map(({ id }: { id: string }) => id)
    expect(ids).toEqual(started)
    expect(rest.body.meta.nextCursor).toBeUndefined()
    for (const [who, query] of [
      [supervisor, `cursor=${nextCursor}`],
      [caller, `status=busy&cursor=${nextCursor}`],
      [caller, `cursor=${nextCursor}x`],
      [caller, 'cursor=WzEsMl0.AAAA'],
    ] as const)
      expect((await ask(who, 'GET', `/calls/history?${query}`)).status).toBe(422)
  })

  test('takes from as the first moment and to as the one after the last', async () => {
    const caller = await aUser('agent')
    const { id, createdAt } = (await start(caller)).body.data
    await eventually(async () => expect(await listed(caller)).toHaveLength(1))
    const later = new Date(Date.parse(createdAt) + 1).toISOString()
    for (const who of [caller, supervisor]) {
      const between = async (from: string, to: string) =>
        (await listed(who, `?from=${from}&to=${to}`)).some((call) => call.id === id)
      expect(await between(createdAt, later)).toBe(true)
      expect(await between('2020-01-01T00:00:00Z', createdAt)).toBe(false)
      expect(await between(later, '2120-01-01T00:00:00Z')).toBe(false)
    }
  })

  test('is a CSV file on demand', async () => {
    const caller = await aUser('agent')
    const { id } = (await start(caller)).body.data
    await eventually(async () => expect(await listed(caller)).toHaveLength(1))
    const { headers, body } = await ask(caller, 'GET', '/calls/history?format=csv')
    expect(headers.get('content-type')).toContain('text/csv')
    const [header, row] = String(body).split('\r\n')
    expect(header).toMatch(/^id,direction,from,to,status,queueId,agentId,offeredAt,answeredAt/)
    expect(row).toMatch(new RegExp(`^${id},outbound,'\\+12025550100,'\\+12025550106,queued,`))
  })
})

test('a history that cannot be read is a problem, as CSV too', async () => {
  await testEnv.DB.exec('ALTER TABLE calls RENAME TO calls_away')
  try {
    for (const format of ['json', 'csv']) {
      const { status, body } = await ask(supervisor, 'GET', `/calls/history?format=${format}`)
      expect([status, body.code]).toEqual([500, 'internal_error'])
    }
  } finally {
    await testEnv.DB.exec('ALTER TABLE calls_away RENAME TO calls')
  }
})

test('gauges are told to services only', async () => {
  const asked = (token: string) =>
    ask(undefined, 'GET', '/internal/gauges', undefined, { authorization: `Bearer ${token}` })
  const { body } = await asked(await aService('communications'))
  expect(body.data).toMatchObject([{ name: 'calls_active', value: expect.any(Number) }])
  expect((await asked(agent.token)).status).toBe(404)
  expect((await asked(await aService('accounts'))).status).toBe(401)
})
