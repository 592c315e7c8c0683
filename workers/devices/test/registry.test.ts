import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { newClaimCode, readClaimCode } from '../src/claim-code.ts'
import { type DeviceFilters, devicesQuery, listDevices } from '../src/db/devices.ts'
import {
  aDevice,
  ask,
  aUser,
  type Caller,
  eventually,
  handOver,
  message,
  testEnv,
  theBridge,
} from './support/api.ts'

let admin: Caller
let owner: Caller
let other: Caller
let bridge: Caller
beforeAll(async () => {
  ;[admin, owner, other, bridge] = await Promise.all([
    aUser('admin'),
    aUser('user'),
    aUser('user'),
    theBridge(),
  ])
})

const patch = (caller: Caller, id: string, body: object, headers: Record<string, string> = {}) =>
  ask(caller, 'PATCH', `/devices/${id}`, body, headers)

describe('PATCH /devices/{id}', () => {
  test('changes what is named, and the list shows it', async () => {
    const tag = `t-${newId()}`
    const id = await aDevice(owner, { name: 'A', tags: [tag], metadata: { a: '1' } })
    const changed = { name: 'B', inactivityTimeoutSeconds: 60 }
    const { status, body } = await patch(owner, id, changed)
    const device = { id, ...changed, tags: [tag], metadata: { a: '1' }, active: true }
    expect([status, body.data]).toEqual([200, expect.objectContaining(device)])
    await eventually(async () => {
      const listed = await ask(owner, 'GET', `/devices?tag=${tag}`)
      expect(listed.body.data).toEqual([expect.objectContaining(device)])
    })
    expect((await patch(owner, id, { tags: [] })).status).toBe(200)
    await eventually(async () =>
      expect((await ask(owner, 'GET', `/devices?tag=${tag}`)).body.data).toEqual([]),
    )
  })

  test('with a known Idempotency-Key answers again, and refuses another body', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    const first = await patch(owner, id, { name: 'one' }, key)
    const again = await patch(owner, id, { name: 'one' }, key)
    expect([again.body.data, again.headers.get('idempotent-replayed')]).toEqual([
      first.body.data,
      'true',
    ])
    expect((await patch(owner, id, { name: 'two' }, key)).body.code).toBe('idempotency_mismatch')
  })

  test('refuses what is not valid, and others', async () => {
    const id = await aDevice(owner)
    const bad = [
      {},
      { id: 'x' },
      { ownerId: other.id },
      { tags: ['a', 'a'] },
      { tags: ['a b'] },
      { inactivityTimeoutSeconds: 4 },
      { name: '' },
      { name: '\ud800' },
    ]
    for (const body of bad)
      expect([JSON.stringify(body), (await patch(owner, id, body)).status]).toEqual([
        JSON.stringify(body),
        422,
      ])
    expect((await patch(other, id, { name: 'x' })).status).toBe(404)
    expect((await patch(await aUser('agent'), id, { name: 'x' })).status).toBe(403)
    expect((await patch(admin, id, { name: 'x' })).status).toBe(200)
  })
})

describe('DELETE /devices/{id}', () => {
  test('ends the device and its access for good, whatever is asked of it then', async () => {
    const tag = `t-${newId()}`
    const id = await aDevice(owner, { tags: [tag] })
    const { body } = await ask(owner, 'POST', `/devices/${id}/credentials`)
    const { username, password } = body.data
    expect((await ask(other, 'DELETE', `/devices/${id}`)).status).toBe(404)
    expect((await ask(owner, 'DELETE', `/devices/${id}`)).status).toBe(204)
    expect((await ask(owner, 'DELETE', `/devices/${id}`)).status).toBe(404)
    const asks: [string, string, unknown?][] = [
      ['GET', ''],
      ['PATCH', '', { name: 'x' }],
      ['GET', '/twin'],
      ['PATCH', '/twin', { desired: { a: 1 } }],
      ['GET', '/twin/history'],
      ['GET', '/telemetry'],
      ['GET', '/presence'],
      ['GET', '/rules'],
      ['PUT', '/rules', { rules: [] }],
      ['GET', '/commands'],
      ['POST', '/commands', { name: 'reboot' }],
      ['GET', '/credentials'],
      ['POST', '/credentials'],
      ['POST', '/claim-code'],
      ['POST', '/ticket'],
    ]
    for (const [method, path, content] of asks) {
      const answer = await ask(admin, method, `/devices/${id}${path}`, content)
      expect([method, path, answer.status]).toEqual([method, path, 404])
    }
    const told = await handOver(bridge, message(id, 'telemetry/a', { values: { t: 1 } }))
    expect(told.body.data.results).toMatchObject([{ result: 'rejected', code: 'unknown_device' }])
    const taken = await ask(other, 'POST', '/devices', { id })
    expect([taken.status, taken.body.code]).toEqual([409, 'conflict'])
    await eventually(async () => {
      const rows = await testEnv.DB.batch([
        testEnv.DB.prepare('SELECT 1 FROM devices WHERE id = ?').bind(id),
        testEnv.DB.prepare('SELECT 1 FROM device_tags WHERE device_id = ?').bind(id),
        testEnv.DB.prepare('SELECT 1 FROM broker_logins WHERE device_id = ?').bind(id),
      ])
      expect(rows.map(({ results }) => results)).toEqual([[], [], []])
    })
    const auth = await ask(
      { token: 'a-broker-secret-for-tests-only' },
      'POST',
      '/devices/bridge/auth',
      {
        username,
        password,
        clientid: id,
      },
    )
    expect(auth.body).toMatchObject({ result: 'deny' })
  })
})

describe('claiming a device', () => {
  const claimOf = (caller: Caller, code: string, headers: Record<string, string> = {}) =>
    ask(caller, 'POST', '/devices/claim', { code }, headers)

  test('gives it to one of many by its code, however that is typed, and its credentials stay', async () => {
    const id = await aDevice(owner, { tags: ['mine'] })
    await ask(owner, 'POST', `/devices/${id}/credentials`)
    const { status, body, headers } = await ask(owner, 'POST', `/devices/${id}/claim-code`)
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
    expect(body.data.code).toMatch(/^(?:[0-9A-HJKMNP-TV-Z]{5}-){3}[0-9A-HJKMNP-TV-Z]{5}$/)
    const people = await Promise.all(Array.from({ length: 20 }, () => aUser('user')))
    const typed = ` ${body.data.code.toLowerCase().replaceAll('-', ' ')} `
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(people.map((caller) => claimOf(caller, typed, key)))
    const counts = answers.map(({ status }) => status).sort()
    expect(counts).toEqual([200, ...Array.from({ length: 19 }, () => 404)])
    const winner = people[answers.findIndex(({ status }) => status === 200)]
    if (winner === undefined) return
    const again = await claimOf(winner, body.data.code, key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    expect((await ask(winner, 'GET', `/devices/${id}`)).body.data.ownerId).toBe(winner.id)
    expect((await ask(owner, 'GET', `/devices/${id}`)).status).toBe(404)
    expect((await ask(winner, 'GET', `/devices/${id}/credentials`)).body.data).toHaveLength(1)
    await eventually(async () => {
      expect((await ask(winner, 'GET', '/devices?tag=mine')).body.data).toMatchObject([{ id }])
      expect((await ask(owner, 'GET', '/devices?tag=mine')).body.data).toEqual([])
    })
    const kept = await testEnv.DB.prepare('SELECT hash FROM claim_codes WHERE device_id = ?')
      .bind(id)
      .all<{ hash: string }>()
    expect(JSON.stringify(kept.results)).not.toContain(readClaimCode(body.data.code))
  })

  test('refuses wrong codes alike, and after ten of them every one for a while', async () => {
    const who = await aUser('user')
    const id = await aDevice(owner)
    const { body } = await ask(owner, 'POST', `/devices/${id}/claim-code`)
    const newer = await ask(owner, 'POST', `/devices/${id}/claim-code`)
    const ended = await claimOf(who, body.data.code)
    const unknown = await claimOf(who, newClaimCode())
    expect([ended.status, unknown.status]).toEqual([404, 404])
    expect(ended.body.detail).toBe(unknown.body.detail)
    for (let n = 0; n < 8; n++) expect((await claimOf(who, `wrong ${n}`)).status).toBe(404)
    const refused = await claimOf(who, newer.body.data.code)
    expect([refused.status, refused.body.code]).toEqual([429, 'too_many_requests'])
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await claimOf(other, newer.body.data.code)).status).toBe(200)
  })

  test('is begun by who may write the device alone, and not by services', async () => {
    const id = await aDevice(owner)
    expect((await ask(other, 'POST', `/devices/${id}/claim-code`)).status).toBe(404)
    expect((await ask(await aUser('agent'), 'POST', `/devices/${id}/claim-code`)).status).toBe(403)
    expect((await claimOf(bridge, newClaimCode())).status).toBe(403)
  })
})

describe('the list of devices narrowed', () => {
  const states = ['online', 'offline', 'unknown'] as const
  const owners = [newId(), newId()]
  const mark = newId().slice(-10)
  const kept = Array.from({ length: 90 }, (_, n) => ({
    id: `l-${mark}-${String((n * 37) % 90).padStart(3, '0')}`,
    owner: owners[n % 2] ?? '',
    state: states[n % 3] ?? 'unknown',
    tags: [`all-${mark}`, ...(n % 4 === 0 ? [`four-${mark}`] : [])],
    name: n % 5 === 0 ? `Boiler ${n}` : `Fox ${n}`,
  }))
  beforeAll(async () => {
    const { DB } = testEnv
    await DB.batch(
      kept.flatMap(({ id, owner, state, tags, name }) => [
        DB.prepare(
          `INSERT INTO devices (id, seq, name, owner_id, metadata, tags, state, created_at)
           VALUES (?, 1, ?, ?, '{}', ?, ?, 0)`,
        ).bind(id, name, owner, JSON.stringify(tags), state),
        ...tags.map((tag) =>
          DB.prepare('INSERT INTO device_tags (device_id, tag, owner_id) VALUES (?, ?, ?)').bind(
            id,
            tag,
            owner,
          ),
        ),
      ]),
    )
  })

  const filters: [string, string | undefined, DeviceFilters][] = [
    ['to an owner', owners[0], {}],
    ['to a tag', undefined, { tag: `four-${mark}` }],
    ['to an owner and a tag', owners[0], { tag: `four-${mark}` }],
    ['to an owner and a state', owners[1], { state: 'offline' }],
    ['to a tag and a state', undefined, { tag: `all-${mark}`, state: 'online' }],
    ['to a text', owners[1], { q: 'bOIL' }],
    ['to all at once', owners[0], { tag: `all-${mark}`, state: 'online', q: `${mark}-0` }],
  ]

  test.each(filters)(
    '%s shows each device once, in order, page by page',
    async (_, ownerId, wanted) => {
      const { q, state, tag } = wanted
      const expected = kept
        .filter(
          (device) =>
            (ownerId === undefined || device.owner === ownerId) &&
            (state === undefined || device.state === state) &&
            (tag === undefined || device.tags.includes(tag)) &&
            (q === undefined ||
              device.id.includes(q) ||
              device.name.toLowerCase().includes(q.toLowerCase())),
        )
        .map(({ id }) => id)
        .sort()
      expect(expected.length).toBeGreaterThan(0)
      const seen: string[] = []
      let after: readonly [string] | undefined
      do {
        const page = await listDevices(testEnv.DB, ownerId, wanted, 4, after ?? [])
        seen.push(...page.items.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      expect(seen).toEqual(expected)
    },
  )

  test.each([...filters, ['to a state', undefined, { state: 'online' }] as const])(
    '%s is read by an index, in its order',
    async (_, ownerId, wanted) => {
      for (const after of [[], ['m']] as [[], [string]]) {
        const { sql, values } = devicesQuery(ownerId, wanted, 50, after)
        const { results } = await testEnv.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
          .bind(...values)
          .all<{ detail: string }>()
        const plan = results.map(({ detail }) => detail).join('; ')
        expect(plan).toMatch(/SEARCH (devices|device_tags) USING/)
        expect(plan).not.toMatch(/SCAN|TEMP B-TREE/)
      }
    },
  )

  test('to another account needs devices:read', async () => {
    const refused = await ask(owner, 'GET', `/devices?ownerId=${other.id}`)
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    expect((await ask(owner, 'GET', `/devices?ownerId=${owner.id}`)).status).toBe(200)
    const all = await ask(admin, 'GET', `/devices?ownerId=${owners[0]}&limit=10`)
    expect(all.body.data).toHaveLength(10)
    const next = `limit=10&cursor=${all.body.meta.nextCursor}`
    expect((await ask(admin, 'GET', `/devices?ownerId=${owners[0]}&${next}`)).status).toBe(200)
    expect((await ask(admin, 'GET', `/devices?ownerId=${owners[1]}&${next}`)).status).toBe(422)
  })
})
