import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { findFlow, flowOfNumber } from '../src/db/flows.ts'
import { ask, aUser, type Caller, testEnv } from './support/api.ts'

let supervisor: Caller
let agent: Caller
beforeAll(async () => {
  ;[supervisor, agent] = await Promise.all([aUser('supervisor'), aUser('agent')])
})

let made = 0
const aNumber = () => `+1202557${String(++made).padStart(4, '0')}`
const steps = [{ type: 'say', text: 'Hello' }, { type: 'hangup' }]
const create = (body: object = {}, headers: Record<string, string> = {}) =>
  ask(supervisor, 'POST', '/flows', { name: 'A flow', steps, ...body }, headers)
const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  ask(supervisor, 'PATCH', `/flows/${id}`, body, headers)
const read = (id: string) => ask(supervisor, 'GET', `/flows/${id}`)

describe('a flow', () => {
  test('is made, read, changed and removed', async () => {
    const numbers = [aNumber(), aNumber()]
    const { status, body, headers } = await create({ name: 'Front desk', numbers })
    expect([status, headers.get('etag')]).toEqual([201, '"1"'])
    const { id } = body.data
    expect(body.data).toEqual({
      id,
      name: 'Front desk',
      numbers,
      steps,
      version: 1,
      createdAt: expect.any(String),
      updatedAt: body.data.createdAt,
    })
    expect((await read(id)).body.data).toEqual(body.data)
    const [kept = '', given = ''] = numbers
    const changed = await patch(id, { name: 'Night desk', numbers: [kept] })
    expect(changed.body.data).toMatchObject({
      name: 'Night desk',
      numbers: [kept],
      version: 2,
      steps,
    })
    expect(changed.headers.get('etag')).toBe('"2"')
    expect(await flowOfNumber(testEnv.DB, kept)).toMatchObject({ id, version: 2 })
    expect(await flowOfNumber(testEnv.DB, given)).toBeNull()
    expect((await ask(supervisor, 'DELETE', `/flows/${id}`)).status).toBe(204)
    expect((await ask(supervisor, 'DELETE', `/flows/${id}`)).status).toBe(404)
    expect((await read(id)).status).toBe(404)
    expect(await findFlow(testEnv.DB, id)).toBeNull()
    expect(await flowOfNumber(testEnv.DB, kept)).toBeNull()
  })

  test('has numbers of its own: another flow cannot take them, and keeps what it has', async () => {
    const numbers = [aNumber()]
    const { id } = (await create({ numbers })).body.data
    const second = await create({ numbers: [aNumber(), ...numbers] })
    expect([second.status, second.body.code]).toEqual([409, 'conflict'])
    const third = (await create({ numbers: [aNumber()] })).body.data
    const taken = await patch(third.id, { name: 'Other', numbers })
    expect([taken.status, taken.body.code]).toEqual([409, 'conflict'])
    expect((await read(third.id)).body.data).toEqual(third)
    await ask(supervisor, 'DELETE', `/flows/${id}`)
    expect((await patch(third.id, { numbers })).body.data.numbers).toEqual(numbers)
  })

  test('of ten that want one number at once, one gets it', async () => {
    const numbers = [aNumber()]
    const answers = await Promise.all(Array.from({ length: 10 }, () => create({ numbers })))
    const outcomes = answers.map(({ status }) => status).sort()
    expect(outcomes).toEqual([201, ...Array(9).fill(409)])
  })

  test('changes only at the version that If-Match names', async () => {
    const { id } = (await create()).body.data
    const first = await patch(id, { name: 'One' }, { 'if-match': '"1"' })
    expect(first.status).toBe(200)
    const stale = await patch(id, { name: 'Two' }, { 'if-match': '"1"' })
    expect([stale.status, stale.body.code, stale.headers.get('etag')]).toEqual([
      412,
      'precondition_failed',
      '"2"',
    ])
    expect((await patch(id, { name: 'Two' }, { 'if-match': 'W/"2"' })).status).toBe(412)
    expect((await patch(id, { name: 'Two' }, { 'if-match': 'nonsense' })).status).toBe(422)
    const racing = await Promise.all(
      Array.from({ length: 5 }, (_, at) =>
        patch(id, { name: `Racer ${at}`, numbers: [aNumber()] }, { 'if-match': '"2"' }),
      ),
    )
    expect(racing.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412])
    const winner = racing.find(({ status }) => status === 200)
    expect((await read(id)).body.data).toEqual(winner?.body.data)
  })

  test('takes changes of several people without If-Match, one after the other', async () => {
    const { id } = (await create()).body.data
    const names = Array.from({ length: 4 }, (_, at) => `Name ${at}`)
    const answers = await Promise.all(names.map((name) => patch(id, { name })))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    expect((await read(id)).body.data.version).toBe(5)
  })

  test('is made once for an Idempotency-Key, also when asked at the same time', async () => {
    const numbers = [aNumber()]
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => create({ numbers }, key)))
    expect(new Set(answers.map(({ status, body }) => `${status} ${body.data?.id}`)).size).toBe(1)
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')
    expect(replays).toHaveLength(4)
    const other = await create({ numbers, name: 'Another' }, key)
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    const more = await create({ numbers: [...numbers, aNumber()] }, key)
    expect([more.status, more.body.code]).toEqual([422, 'idempotency_mismatch'])
  })

  test('leads only to queues that are there', async () => {
    const queue = await ask(supervisor, 'POST', '/queues', { name: `Sales ${newId()}` })
    expect(queue.status).toBe(201)
    const queueId = queue.body.data.id
    const say = { type: 'say', text: 'Please wait' }
    const good = await create({ steps: [say, { type: 'enqueue', queueId }] })
    expect(good.status).toBe(201)
    const lost = [say, { type: 'enqueue', queueId: newId() }]
    for (const answer of [
      await create({ steps: lost }),
      await patch(good.body.data.id, { steps: lost }),
    ]) {
      expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed'])
      expect(answer.body.errors).toMatchObject([{ pointer: '/steps/1/queueId' }])
    }
  })

  test('that makes no sense is refused', async () => {
    const number = aNumber()
    for (const body of [
      { steps: [] },
      { steps: [{ type: 'hangup' }, { type: 'say', text: 'Too late' }] },
      { steps: [{ type: 'dance' }] },
      { steps: [{ type: 'dial', to: 'Bob' }] },
      { numbers: ['0123'] },
      { numbers: [number, number] },
      { name: '' },
      { more: 1 },
    ])
      expect((await create(body)).status).toBe(422)
    const { id } = (await create()).body.data
    expect((await patch(id, {})).status).toBe(422)
    expect((await patch(newId(), { name: 'Nobody' })).status).toBe(404)
  })

  test('belongs to those who manage queues', async () => {
    const { id } = (await create()).body.data
    for (const [method, path] of [
      ['GET', '/flows'],
      ['POST', '/flows'],
      ['GET', `/flows/${id}`],
      ['PATCH', `/flows/${id}`],
      ['DELETE', `/flows/${id}`],
    ] as const) {
      expect([path, (await ask(undefined, method, path)).status]).toEqual([path, 401])
      expect([403, 404]).toContain((await ask(agent, method, path)).status)
    }
  })
})

test('flows are listed by name, page by page', async () => {
  const prefix = `List ${newId()}`
  for (const name of ['b', 'a', 'c']) await create({ name: `${prefix} ${name}` })
  const seen: string[] = []
  let query = '?limit=2'
  for (;;) {
    const { body } = await ask(supervisor, 'GET', `/flows${query}`)
    seen.push(...body.data.map(({ name }: { name: string }) => name))
    if (body.meta.nextCursor === undefined) break
    query = `?limit=2&cursor=${body.meta.nextCursor}`
  }
  expect(seen.filter((name) => name.startsWith(prefix))).toEqual(
    ['a', 'b', 'c'].map((name) => `${prefix} ${name}`),
  )
  expect(seen).toEqual([...seen].sort())
})
