import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  aDevice,
  aService,
  ask,
  aUser,
  type Caller,
  eventually,
  testEnv,
  theBridge,
} from './support/api.ts'

let admin: Caller
let agent: Caller
let owner: Caller
let other: Caller
beforeAll(async () => {
  ;[admin, agent, owner, other] = await Promise.all([
    aUser('admin'),
    aUser('agent'),
    aUser('user'),
    aUser('user'),
  ])
})

const create = (caller: Caller, body: object = {}, headers: Record<string, string> = {}) =>
  ask(caller, 'POST', '/devices', body, headers)
const listed = async (caller: Caller, query = ''): Promise<string[]> =>
  (await ask(caller, 'GET', `/devices?limit=200${query}`)).body.data.map(
    ({ id }: { id: string }) => id,
  )

describe('POST /devices', () => {
  test('registers a device under an id of its own, and its owner sees it', async () => {
    const id = `own-${newId()}`
    const { status, body } = await create(owner, { id, name: 'A', metadata: { site: '7' } })
    expect(status).toBe(201)
    const device = { id, name: 'A', ownerId: owner.id, metadata: { site: '7' }, lastSeenAt: null }
    expect(body.data).toMatchObject(device)
    expect((await ask(owner, 'GET', `/devices/${id}`)).body.data).toMatchObject(device)
    await eventually(async () => expect(await listed(owner)).toContain(id))
  })

  test('with a known Idempotency-Key gives the same device', async () => {
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => create(owner, {}, key)))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201])
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')
    expect(replays).toHaveLength(4)
    const named = await create(owner, { name: 'other' }, key)
    expect([named.status, named.body.code]).toEqual([422, 'idempotency_mismatch'])
  })

  test('refuses a key that was used for another id, and a taken id', async () => {
    const key = { 'idempotency-key': newId() }
    const id = `taken-${newId()}`
    expect((await create(owner, { id }, key)).status).toBe(201)
    const replayed = await create(owner, { id }, key)
    expect([replayed.status, replayed.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    const elsewhere = await create(owner, { id: `other-${newId()}` }, key)
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, 'idempotency_mismatch'])
    const taken = await create(other, { id })
    expect([taken.status, taken.body.code]).toEqual([409, 'conflict'])
  })

  test('for another account needs devices:write', async () => {
    const refused = await create(owner, { ownerId: other.id })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    const { status, body } = await create(admin, { ownerId: other.id })
    expect([status, body.data.ownerId]).toEqual([201, other.id])
    expect((await ask(other, 'GET', `/devices/${body.data.id}`)).status).toBe(200)
  })

  test('refuses who has no token and what is malformed', async () => {
    const outcomes = await Promise.all([
      ask(undefined, 'POST', '/devices', {}),
      create(await theBridge()),
      create(owner, { id: 'a/b' }),
      create(owner, { id: '+' }),
      create(owner, { id: 'bridge' }),
      create(owner, { extra: 1 }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([401, 403, 422, 422, 422, 422])
  })
})

describe('GET /devices', () => {
  test('shows own devices, and all of them with devices:read', async () => {
    const id = await aDevice(owner)
    await eventually(async () => expect(await listed(agent)).toContain(id))
    expect(await listed(owner)).toContain(id)
    expect(await listed(other)).not.toContain(id)
  })

  test('finds a part of an id or a name, with no character that means another', async () => {
    const mark = newId().slice(-12)
    const ids = await Promise.all([
      aDevice(owner, { id: `x-${mark}-100_a` }),
      aDevice(owner, { id: `y-${newId()}`, name: `Boiler ${mark} 100%` }),
    ])
    await eventually(async () =>
      expect(new Set(await listed(owner, `&q=${mark}`))).toEqual(new Set(ids)),
    )
    expect(await listed(owner, `&q=BOILER ${mark}`)).toEqual([ids[1]])
    expect(await listed(owner, `&q=${encodeURIComponent(`${mark} 100%`)}`)).toEqual([ids[1]])
    expect(await listed(owner, `&q=${encodeURIComponent(`${mark}%`)}`)).toEqual([])
    expect(await listed(owner, `&q=${mark}_100`)).toEqual([])
    expect(await listed(owner, `&q=${mark}&state=online`)).toEqual([])
    expect(await listed(owner, `&q=${mark}&state=unknown`)).toHaveLength(2)
  })

  test('goes on page by page with a cursor that is good for this list alone', async () => {
    const someone = await aUser('user')
    const ids = await Promise.all(Array.from({ length: 5 }, () => aDevice(someone)))
    await eventually(async () => expect(await listed(someone)).toHaveLength(5))
    const seen: string[] = []
    let query = '?limit=2'
    for (let pages = 0; pages < 3; pages++) {
      const { body, headers } = await ask(someone, 'GET', `/devices${query}`)
      seen.push(...body.data.map(({ id }: { id: string }) => id))
      expect(headers.get('link') === null).toBe(pages === 2)
      query = `?limit=2&cursor=${body.meta.nextCursor}`
      if (pages < 2) expect((await ask(owner, 'GET', `/devices${query}`)).status).toBe(422)
    }
    expect(seen).toEqual([...ids].sort())
  })
})

describe('a device of somebody else', () => {
  test('does not exist, whatever is asked of it', async () => {
    const id = await aDevice(owner)
    const asks: [string, string, unknown?][] = [
      ['GET', ''],
      ['GET', '/twin'],
      ['PATCH', '/twin', { desired: {} }],
      ['GET', '/telemetry'],
      ['GET', '/presence'],
      ['GET', '/rules'],
      ['PUT', '/rules', { rules: [] }],
      ['POST', '/credentials'],
      ['POST', '/ticket'],
    ]
    for (const [method, path, body] of asks) {
      const told = await Promise.all(
        [id, `none-${newId()}`].map((device) =>
          ask(other, method, `/devices/${device}${path}`, body),
        ),
      )
      expect([path, ...told.map(({ status, body: { code } }) => `${status} ${code}`)]).toEqual([
        path,
        '404 not_found',
        '404 not_found',
      ])
    }
  })

  test('is seen by who may read all, and not written', async () => {
    const id = await aDevice(owner)
    expect((await ask(agent, 'GET', `/devices/${id}/twin`)).status).toBe(200)
    const refused = await ask(agent, 'PATCH', `/devices/${id}/twin`, { desired: { a: 1 } })
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    expect((await ask(agent, 'POST', `/devices/${id}/credentials`)).status).toBe(403)
    expect((await ask(admin, 'PATCH', `/devices/${id}/twin`, { desired: { a: 1 } })).status).toBe(
      200,
    )
  })
})

describe('what others ask', () => {
  test('health tells of the database', async () => {
    const { status, body } = await ask(undefined, 'GET', '/health')
    expect([status, body.details.database.status]).toEqual([200, 'up'])
  })

  test('gauges are told to services of ours alone', async () => {
    const { body } = await ask({ token: await aService('devices') }, 'GET', '/internal/gauges')
    expect(body.data).toEqual([{ name: 'devices_online', labels: {}, value: expect.any(Number) }])
    expect((await ask(admin, 'GET', '/internal/gauges')).status).toBe(404)
    expect(
      (await ask({ token: await aService('reports') }, 'GET', '/internal/gauges')).status,
    ).toBe(401)
    expect((await ask(undefined, 'GET', '/internal/gauges')).status).toBe(401)
  })

  test('keys that are a day old are forgotten', async () => {
    const { results } = await testEnv.DB.prepare(
      'SELECT expires_at - ? AS left FROM idempotency_keys WHERE state = ?',
    )
      .bind(Date.now(), 'done')
      .all<{ left: number }>()
    for (const { left } of results) expect(left).toBeLessThanOrEqual(24 * 60 * 60_000)
  })
})
