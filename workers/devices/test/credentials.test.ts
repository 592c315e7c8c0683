import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { aDevice, ask, aUser, type Caller, testEnv } from './support/api.ts'

let owner: Caller
beforeAll(async () => {
  owner = await aUser('user')
})

const issue = (id: string, headers: Record<string, string> = {}, body?: object) =>
  ask(owner, 'POST', `/devices/${id}/credentials`, body, headers)
const list = async (id: string) =>
  (await ask(owner, 'GET', `/devices/${id}/credentials`)).body.data as {
    id: string
    username: string
    state: string
    expiresAt: string | null
  }[]
/** As if so much time had passed since the credentials were made. */
const turn = (id: string, ms: number) =>
  testEnv.DB.prepare('UPDATE broker_logins SET expires_at = expires_at - ? WHERE device_id = ?')
    .bind(ms, id)
    .run()
const broker = { token: 'a-broker-secret-for-tests-only' }
const auth = async (username: string, password: string, clientid = username): Promise<string> =>
  (await ask(broker, 'POST', '/devices/bridge/auth', { username, password, clientid })).body.result

describe('credentials, where the broker asks', () => {
  test('let the device in under its own client ids, and end earlier ones', async () => {
    const id = await aDevice(owner)
    expect(await auth(id, '')).toBe('deny')
    const first = await issue(id)
    expect([first.status, first.headers.get('cache-control')]).toEqual([201, 'no-store'])
    const { username, password, clientId } = first.body.data
    expect([username, clientId, password.length]).toEqual([id, id, 43])
    expect(await auth(id, password)).toBe('allow')
    expect(await auth(id, password, `${id}-second`)).toBe('allow')
    expect(await auth(id, password, `${id}x`)).toBe('deny')
    expect(await auth(id, `${password}x`)).toBe('deny')
    const second = (await issue(id)).body.data.password
    expect([await auth(id, password), await auth(id, second)]).toEqual(['deny', 'allow'])
  })

  test('ask for a second factor', async () => {
    const id = await aDevice(owner)
    const { token } = await aUser('user', '1')
    const { status, body } = await ask({ token }, 'POST', `/devices/${id}/credentials`)
    expect([status, body.code]).toEqual([403, 'step_up_required'])
    expect(await list(id)).toEqual([])
  })

  test('do not let a device in under a client id that is, or begins with, the id of another one', async () => {
    const fox = await aDevice(owner, { id: `fox-${newId()}` })
    const { password } = (await issue(fox)).body.data
    const cub = `${fox}-1`
    expect(await auth(fox, password, cub)).toBe('allow')
    await aDevice(await aUser('user'), { id: cub })
    expect(await auth(fox, password, cub)).toBe('allow')
    const cubs = (await ask(await aUser('admin'), 'POST', `/devices/${cub}/credentials`)).body.data
    for (const clientId of [cub, `${cub}-ear`])
      expect([
        await auth(fox, password, clientId),
        await auth(cub, cubs.password, clientId),
      ]).toEqual(['deny', 'allow'])
    expect(await auth(fox, password, `${fox}-11`)).toBe('allow')
  })

  test('are kept as a hash alone', async () => {
    const id = await aDevice(owner)
    const { password } = (await issue(id, { 'idempotency-key': newId() })).body.data
    const rows = await Promise.all(
      ['broker_logins', 'device_credentials', 'idempotency_keys', 'outbox'].map((table) =>
        testEnv.DB.prepare(`SELECT * FROM ${table}`).all(),
      ),
    )
    expect(JSON.stringify(rows.map(({ results }) => results))).not.toContain(password)
  })

  test('are shown once: the repeat of a key is told so, and changes nothing', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => issue(id, key)))
    const [shown, ...others] = answers.sort((a, b) => a.status - b.status)
    expect(shown?.status).toBe(201)
    for (const { status, body } of others)
      expect([
        409,
        ['secret_already_shown', 'idempotency_in_progress'].includes(body.code),
      ]).toEqual([status, true])
    const again = await issue(id, key)
    expect([again.status, again.body.code]).toEqual([409, 'secret_already_shown'])
    expect(await auth(id, shown?.body.data.password)).toBe('allow')
    const elsewhere = await issue(await aDevice(owner), key)
    expect([elsewhere.status, elsewhere.body.code]).toEqual([422, 'idempotency_mismatch'])
  })

  test('stand side by side for the overlap that was asked for, under two user names, and no longer', async () => {
    const id = await aDevice(owner)
    const first = (await issue(id, {}, { overlapSeconds: 60 })).body.data
    expect([first.username, first.state]).toEqual([id, 'active'])
    const second = (await issue(id, {}, { overlapSeconds: 3600 })).body.data
    expect([second.username, second.clientId]).toEqual([`${id}~2`, id])
    expect(await auth(id, first.password)).toBe('allow')
    expect(await auth(`${id}~2`, second.password, id)).toBe('allow')
    expect(await auth(`${id}~2`, first.password, id)).toBe('deny')
    expect(await auth(`${id}~2`, second.password, `${id}~2`)).toBe('deny')
    expect((await list(id)).map(({ username, state }) => [username, state])).toEqual([
      [id, 'ending'],
      [`${id}~2`, 'active'],
    ])
    // The longest life of one that ends is its first overlap, whatever a later rotation says.
    const third = (await issue(id, {}, { overlapSeconds: 3600 })).body.data
    expect([third.username, await auth(id, first.password)]).toEqual([id, 'deny'])
    await turn(id, 3_600_001)
    expect(await auth(`${id}~2`, second.password, id)).toBe('deny')
    expect(await list(id)).toMatchObject([{ id: third.id, state: 'active', expiresAt: null }])
    const last = (await issue(id)).body.data
    expect([await auth(id, third.password), await auth(id, last.password)]).toEqual([
      'deny',
      'allow',
    ])
  })

  test('are refused with an overlap of another length under the same key', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    await issue(id, key, { overlapSeconds: 60 })
    const other = await issue(id, key, { overlapSeconds: 61 })
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    for (const overlapSeconds of [-1, 604_801, 1.5, '60'])
      expect((await issue(id, {}, { overlapSeconds })).status).toBe(422)
  })

  test('end all at once when they are revoked: not even who is connected may do anything (S112)', async () => {
    const id = await aDevice(owner)
    const first = (await issue(id)).body.data
    await issue(id, {}, { overlapSeconds: 60 })
    const acl = async (username: string) =>
      (
        await ask(broker, 'POST', '/devices/bridge/acl', {
          username,
          action: 'publish',
          topic: `v1/devices/${id}/presence`,
        })
      ).body.result
    expect([await acl(id), await acl(`${id}~2`)]).toEqual(['allow', 'allow'])
    const stranger = await aUser('user')
    expect((await ask(stranger, 'DELETE', `/devices/${id}/credentials`)).status).toBe(404)
    expect((await ask(stranger, 'GET', `/devices/${id}/credentials`)).status).toBe(404)
    for (let times = 0; times < 2; times++)
      expect((await ask(owner, 'DELETE', `/devices/${id}/credentials`)).status).toBe(204)
    expect(await list(id)).toEqual([])
    expect([await auth(id, first.password), await acl(id), await acl(`${id}~2`)]).toEqual([
      'deny',
      'deny',
      'deny',
    ])
  })

  test('are given after all when the isolate that took the key has gone', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    await issue(id, key)
    const setState = (state: string, expiresAt: number) =>
      testEnv.DB.prepare(
        'UPDATE idempotency_keys SET state = ?, expires_at = ? WHERE device_id = ?',
      )
        .bind(state, expiresAt, id)
        .run()
    await setState('running', Date.now() + 10_000)
    const running = await issue(id, key)
    expect([running.status, running.body.code]).toEqual([409, 'idempotency_in_progress'])
    expect(Number(running.headers.get('retry-after'))).toBeGreaterThan(0)
    await setState('running', Date.now() - 1)
    expect((await issue(id, key)).status).toBe(201)
  })
})

describe('what the broker asks', () => {
  test.each(['auth', 'acl'])('at %s is answered to the broker alone', async (path) => {
    const asked = { username: 'd1', action: 'publish', topic: 'v1/devices/d1/presence' }
    for (const caller of [undefined, owner, { token: `${broker.token}x` }]) {
      const { status, body } = await ask(caller, 'POST', `/devices/bridge/${path}`, asked)
      expect([status, body.code]).toEqual([401, 'unauthorized'])
    }
    const { status, body } = await ask(broker, 'POST', `/devices/bridge/${path}`, asked)
    expect([status, body.is_superuser]).toEqual([200, false])
  })

  test('is answered bare, and members that are not ours are ignored', async () => {
    const id = await aDevice(owner)
    await issue(id)
    const { body } = await ask(broker, 'POST', '/devices/bridge/acl', {
      username: id,
      clientid: id,
      topic: `v1/devices/${id}/telemetry/x`,
      action: 'publish',
      peerhost: '192.0.2.1',
    })
    expect(body).toEqual({ result: 'allow', is_superuser: false })
  })

  test('must be JSON of the form that brokers send', async () => {
    const asked = [
      { action: 'publish' },
      { username: 'd1', topic: 'x', action: 'connect' },
      { username: 7, topic: 'x', action: 'publish' },
    ].map((body) => ask(broker, 'POST', '/devices/bridge/acl', body))
    const form = ask(broker, 'POST', '/devices/bridge/auth', 'username=d1', {
      'content-type': 'application/x-www-form-urlencoded',
    })
    const statuses = (await Promise.all([...asked, form])).map(({ status }) => status)
    expect(statuses).toEqual([422, 422, 422, 415])
  })
})
