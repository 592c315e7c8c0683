import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { aDevice, ask, aUser, type Caller, testEnv } from './support/api.ts'

let owner: Caller
beforeAll(async () => {
  owner = await aUser('user')
})

const issue = (id: string, headers: Record<string, string> = {}) =>
  ask(owner, 'POST', `/devices/${id}/credentials`, undefined, headers)
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

  test('are kept as a hash alone', async () => {
    const id = await aDevice(owner)
    const { password } = (await issue(id, { 'idempotency-key': newId() })).body.data
    const rows = await Promise.all(
      ['device_credentials', 'idempotency_keys', 'outbox'].map((table) =>
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
    const { body } = await ask(broker, 'POST', '/devices/bridge/acl', {
      username: 'd1',
      clientid: 'd1',
      topic: 'v1/devices/d1/telemetry/x',
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
