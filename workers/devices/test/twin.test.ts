import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { aDevice, ask, aUser, type Caller, handOver, message, theBridge } from './support/api.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})

const patch = (id: string, body: object, headers: Record<string, string> = {}) =>
  ask(owner, 'PATCH', `/devices/${id}/twin`, body, headers)

describe('the twin', () => {
  test('merges what is desired, shows what differs and tells its version as ETag', async () => {
    const id = await aDevice(owner)
    const first = await patch(id, { desired: { led: 'on', fan: { speed: 2 } } })
    expect([first.status, first.headers.get('etag')]).toEqual([200, '"1"'])
    await handOver(bridge, message(id, 'twin/reported', { state: { led: 'on' } }))
    const { headers, body } = await ask(owner, 'GET', `/devices/${id}/twin`)
    expect(headers.get('etag')).toBe('"2"')
    expect(body.data).toMatchObject({
      desired: { led: 'on', fan: { speed: 2 } },
      reported: { led: 'on' },
      delta: { fan: { speed: 2 } },
      version: 2,
    })
  })

  test('refuses what nests too deep, however deep: 422', async () => {
    const id = await aDevice(owner)
    for (const levels of [9, 5_000]) {
      const desired = JSON.parse(`${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`)
      const refused = await patch(id, { desired })
      expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
    }
  })

  test('refuses a change made from another version: 409 by the body, 412 by If-Match', async () => {
    const id = await aDevice(owner)
    await patch(id, { desired: { a: 1 } })
    const stale = await patch(id, { desired: { a: 2 }, version: 0 })
    expect([stale.status, stale.body.code]).toEqual([409, 'version_conflict'])
    const failed = await patch(id, { desired: { a: 2 } }, { 'if-match': '"0"' })
    expect([failed.status, failed.body.code]).toEqual([412, 'precondition_failed'])
    expect((await patch(id, { desired: { a: 2 } }, { 'if-match': 'W/"1"' })).status).toBe(412)
    expect((await patch(id, { desired: { a: 2 } }, { 'if-match': '1' })).status).toBe(422)
    expect((await patch(id, { desired: { a: 2 } }, { 'if-match': '"1"' })).status).toBe(200)
    expect((await patch(id, { desired: { a: 3 } }, { 'if-match': '*' })).status).toBe(200)
  })

  test('with a known Idempotency-Key is changed once', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    await patch(id, { desired: { a: 1 } }, key)
    await patch(id, { desired: { a: 2 } })
    const again = await patch(id, { desired: { a: 1 } }, key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    const { body } = await ask(owner, 'GET', `/devices/${id}/twin`)
    expect(body.data.desired).toEqual({ a: 2 })
    expect((await patch(id, { desired: { a: 9 } }, key)).status).toBe(422)
  })

  test('refuses a section that is too large, with a pointer', async () => {
    const id = await aDevice(owner)
    const { status, body } = await patch(id, { desired: { a: 'x'.repeat(9_000) } })
    expect([status, body.code]).toEqual([422, 'validation_failed'])
    expect(body.errors[0].pointer).toMatch(/^\/desired/)
  })

  test('says that it wants what is desired', async () => {
    const { status, body } = await patch(await aDevice(owner), { reported: { a: 1 } })
    expect([status, body.errors[0]]).toMatchObject([
      422,
      { pointer: '/desired', detail: 'must be a JSON object' },
    ])
  })
})

describe('a name that reaches into prototypes', () => {
  test.each(['{"desired":{"__proto__":{"a":1}}}', '{"desired":{"a":{"__proto__":1}}}'])(
    'is refused and changes nothing: %s',
    async (body) => {
      const id = await aDevice(owner)
      const refused = await ask(owner, 'PATCH', `/devices/${id}/twin`, body)
      expect([refused.status, refused.body.code]).toEqual([422, 'validation_failed'])
      expect((await ask(owner, 'GET', `/devices/${id}/twin`)).body.data.version).toBe(0)
    },
  )
})

describe('the history of a twin', () => {
  const history = (id: string, query = '') =>
    ask(owner, 'GET', `/devices/${id}/twin/history${query}`)

  test('shows every change, the newest first, by whom and when', async () => {
    const id = await aDevice(owner)
    await patch(id, { desired: { led: 'on', fan: { speed: 2 } } })
    await handOver(bridge, message(id, 'twin/reported', { state: { led: 'off' } }))
    await patch(id, { desired: { fan: { speed: null } } })
    await patch(id, { desired: { led: 'on' } })
    const { status, body } = await history(id)
    expect(status).toBe(200)
    expect(body.data).toMatchObject([
      { version: 3, section: 'desired', patch: { fan: { speed: null } }, actor: owner.id },
      { version: 2, section: 'reported', patch: { led: 'off' }, actor: 'device' },
      { version: 1, section: 'desired', patch: { led: 'on', fan: { speed: 2 } } },
    ])
    expect(body.data[0].time).toMatch(/^20..-.*Z$/)
  })

  test('is read in pages whose cursors are good for that device and those filters only', async () => {
    const [id, other] = await Promise.all([aDevice(owner), aDevice(owner)])
    for (const n of [1, 2, 3, 4, 5]) await patch(id, { desired: { n } })
    const versions: number[] = []
    let cursor = ''
    do {
      const { body } = await history(id, `?limit=2${cursor && `&cursor=${cursor}`}`)
      versions.push(...body.data.map(({ version }: { version: number }) => version))
      cursor = body.meta.nextCursor ?? ''
    } while (cursor !== '')
    expect(versions).toEqual([5, 4, 3, 2, 1])
    const { body } = await history(id, '?limit=2')
    const asked = `cursor=${body.meta.nextCursor}`
    expect((await history(other, `?limit=2&${asked}`)).status).toBe(422)
    expect((await history(id, `?section=desired&${asked}`)).status).toBe(422)
    const reported = await history(id, '?section=reported')
    expect(reported.body.data).toEqual([])
  })

  test('does not exist for others', async () => {
    const id = await aDevice(owner)
    const stranger = await aUser('user')
    expect((await ask(stranger, 'GET', `/devices/${id}/twin/history`)).status).toBe(404)
  })
})

describe('what a device told', () => {
  test('is shown by stream and by time', async () => {
    const id = await aDevice(owner)
    const sample = (seq: number) => message(id, 'telemetry/climate', { seq, values: { c: seq } })
    await handOver(bridge, sample(1), sample(2))
    const { body } = await ask(owner, 'GET', `/devices/${id}/telemetry?stream=climate`)
    expect(body.data.latest.climate).toMatchObject({ values: { c: 2 }, seq: 2 })
    expect(body.data.series).toHaveLength(2)
    expect((await ask(owner, 'GET', `/devices/${id}/telemetry?stream=a.b`)).status).toBe(422)
  })

  test.each([
    ['telemetry?resolution=minute', '/query/stream', 'must be named'],
    ['telemetry?from=2026-11-21T10:00:00Z', '/query/stream', 'must be named'],
    [
      'telemetry?stream=a&from=2026-11-21T10:00:00Z&to=2026-11-20T10:00:00Z',
      '/query/to',
      'before from',
    ],
    ['telemetry?stream=a&from=2026-11-22', '/query/from', 'a time in UTC such as'],
    [
      'twin/history?from=2026-11-21T10:00:00Z&to=2026-11-20T10:00:00Z&limit=2',
      '/query/to',
      'before from',
    ],
    ['twin/history?to=2026-11-21T10:00:00%2B01:00', '/query/to', 'a time in UTC such as'],
  ])('is not answered where the question makes no sense: %s', async (path, pointer, detail) => {
    const { status, body } = await ask(owner, 'GET', `/devices/${await aDevice(owner)}/${path}`)
    expect([status, body.errors]).toEqual([
      422,
      [{ pointer, code: expect.any(String), detail: expect.stringContaining(detail) }],
    ])
  })

  test('is its presence too', async () => {
    const id = await aDevice(owner)
    expect((await ask(owner, 'GET', `/devices/${id}/presence`)).body.data.state).toBe('unknown')
    await handOver(bridge, message(id, 'presence', { state: 'online', session: 's1' }))
    expect((await ask(owner, 'GET', `/devices/${id}/presence`)).body.data).toMatchObject({
      state: 'online',
      session: 's1',
    })
  })

  test('is judged by its rules', async () => {
    const id = await aDevice(owner)
    const rule = { stream: 'climate', field: 'c', operator: 'above', threshold: 30 }
    const put = await ask(owner, 'PUT', `/devices/${id}/rules`, { rules: [rule] })
    expect([put.status, put.body.data[0].triggered]).toEqual([200, false])
    await handOver(bridge, message(id, 'telemetry/climate', { values: { c: 31 } }))
    const { body } = await ask(owner, 'GET', `/devices/${id}/rules`)
    expect(body.data).toMatchObject([{ rule, triggered: true }])
    const twice = await ask(owner, 'PUT', `/devices/${id}/rules`, { rules: [rule, rule] })
    expect(twice.status).toBe(422)
  })
})
