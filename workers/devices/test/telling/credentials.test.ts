import { runInDurableObject } from 'cloudflare:test'
import { newId, sha256Hex } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  aDevice,
  ask,
  aUser,
  type Caller,
  connect,
  eventually,
  handOver,
  message,
  testEnv,
  theBridge,
} from '../support/api.ts'
import { type Line, lineOf } from '../support/line.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})

const issue = (id: string, key: string) =>
  ask(owner, 'POST', `/devices/${id}/credentials`, undefined, { 'idempotency-key': key })
const hashOf = async (id: string) =>
  testEnv.DB.prepare('SELECT secret_hash FROM broker_logins WHERE username = ?')
    .bind(id)
    .first('secret_hash')

const list = async (id: string) => (await ask(owner, 'GET', `/devices/${id}/credentials`)).body.data
const link = () => testEnv.BRIDGE_LINK.getByName('default')
const noBridge = () => eventually(async () => expect((await link().status()).connected).toBe(false))

const theLine = async (): Promise<Line> => {
  const line = lineOf(
    await connect('/devices/bridge/ws', {
      authorization: `Bearer ${bridge.token}`,
      'sec-websocket-protocol': 'menagerie.v1',
    }),
  )
  await line.until(({ type }) => type === 'welcome')
  return line
}

describe('credentials, where the bridge tells the broker', () => {
  test('are answered once the broker has them', async () => {
    const id = await aDevice(owner)
    const line = await theLine()
    let answered = false
    const asked = issue(id, newId()).then((answer) => {
      answered = true
      return answer
    })
    const told = await line.until(({ type }) => type === 'credentials.set')
    expect([told.data.deviceId, answered, await hashOf(id)]).toEqual([id, false, null])
    line.send({ type: 'credentials.done', id: told.id, data: { ok: true } })
    const { status, body } = await asked
    expect([status, body.data.password]).toEqual([201, told.data.password])
    expect(await hashOf(id)).not.toBeNull()
    line.close()
  })

  test('do not stand where the broker refused them; the same request may come again', async () => {
    const id = await aDevice(owner)
    const line = await theLine()
    const key = newId()
    const refused = issue(id, key)
    const told = await line.until(({ type }) => type === 'credentials.set')
    const detail = 'the broker is away'
    line.send({ type: 'credentials.done', id: told.id, data: { ok: false, detail } })
    const { status, body, headers } = await refused
    expect([status, body.code, headers.has('retry-after')]).toEqual([503, 'unavailable', true])
    expect(await hashOf(id)).toBeNull()
    const again = issue(id, key)
    const next = await line.until((frame) => frame.id !== told.id && frame.type === told.type)
    line.send({ type: 'credentials.done', id: next.id, data: { ok: true } })
    expect((await again).status).toBe(201)
    expect((await issue(id, key)).body.code).toBe('secret_already_shown')
    line.close()
  })

  test('are changed one at a time, so that the broker and our rows know the same ones', async () => {
    const id = await aDevice(owner)
    const line = await theLine()
    const first = issue(id, newId())
    const told = await line.until(({ type }) => type === 'credentials.set')
    const key = newId()
    const meanwhile = [
      await issue(id, key),
      await ask(owner, 'DELETE', `/devices/${id}/credentials`),
      await ask(owner, 'DELETE', `/devices/${id}`),
    ]
    for (const { status, body, headers } of meanwhile)
      expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '1'])
    line.send({ type: 'credentials.done', id: told.id, data: { ok: true } })
    expect((await first).status).toBe(201)
    const second = issue(id, key)
    const next = await line.until((frame) => frame.id !== told.id && frame.type === told.type)
    line.send({ type: 'credentials.done', id: next.id, data: { ok: true } })
    const { status, body } = await second
    expect([status, body.data.password]).toEqual([201, next.data.password])
    expect(await hashOf(id)).toBe(await sha256Hex(next.data.password))
    line.close()
  })

  test('wait for a bridge that is away, and are active once it has come', async () => {
    const id = await aDevice(owner)
    await noBridge()
    const { status, body } = await issue(id, newId())
    expect([status, body.data.state]).toEqual([201, 'waiting'])
    expect(await list(id)).toMatchObject([{ id: body.data.id, username: id, state: 'waiting' }])
    const line = await theLine()
    const told = await line.until(
      (frame) => frame.type === 'credentials.set' && frame.data.deviceId === id,
    )
    expect(told.data).toEqual({ deviceId: id, username: id, password: body.data.password })
    line.send({ type: 'credentials.done', id: told.id, data: { ok: true } })
    await eventually(async () => expect(await list(id)).toMatchObject([{ state: 'active' }]))
    line.close()
  })

  test('that no bridge fetched in 24 hours are gone from the list too', async () => {
    const id = await aDevice(owner)
    await noBridge()
    await issue(id, newId())
    await runInDurableObject(link(), (_, state) => {
      state.storage.sql.exec('UPDATE owed SET waits_until = 0 WHERE username = ?', id)
    })
    expect(await list(id)).toEqual([])
    expect(await hashOf(id)).toBeNull()
  })

  test('are revoked at the broker: 204 once it has forgotten them, 503 while it cannot be told', async () => {
    const id = await aDevice(owner)
    await noBridge()
    await issue(id, newId())
    const revoke = () => ask(owner, 'DELETE', `/devices/${id}/credentials`)
    expect((await revoke()).status).toBe(503)
    expect([await list(id), await hashOf(id)]).toEqual([[], null])
    const line = await theLine()
    const ends = () =>
      line.frames.filter(({ type, data }) => type === 'credentials.set' && data.deviceId === id)
    const answering = setInterval(() => {
      for (const { id: asked } of ends())
        line.send({ type: 'credentials.done', id: asked, data: { ok: true } })
    }, 10)
    await eventually(async () => expect((await revoke()).status).toBe(204))
    clearInterval(answering)
    for (const username of [id, `${id}~2`])
      expect(ends().map(({ data }) => data)).toContainEqual({
        deviceId: id,
        username,
        password: null,
      })
    line.close()
  })

  test('that end with a new password, or are revoked, leave the device offline: the broker sends no last will for it', async () => {
    const id = await aDevice(owner)
    const line = await theLine()
    const answered = new Set<string>()
    const answering = setInterval(() => {
      for (const { type, id: asked } of line.frames)
        if (type === 'credentials.set' && asked !== undefined && !answered.has(asked)) {
          answered.add(asked)
          line.send({ type: 'credentials.done', id: asked, data: { ok: true } })
        }
    }, 10)
    const come = (session: string) =>
      handOver(bridge, message(id, 'presence', { state: 'online', session }))
    const presence = async () => {
      const { state, session } = (await ask(owner, 'GET', `/devices/${id}/presence`)).body.data
      return [state, session]
    }
    const path = `/devices/${id}/credentials`
    const ends: [() => Promise<unknown>, string][] = [
      [() => issue(id, newId()), 'online'],
      [() => ask(owner, 'POST', path, { overlapSeconds: 60 }), 'online'],
      [() => issue(id, newId()), 'offline'],
      [() => ask(owner, 'DELETE', path), 'offline'],
    ]
    for (const [n, [end, state]] of ends.entries()) {
      await come(`s${n}`)
      await end()
      expect(await presence()).toEqual([state, `s${n}`])
    }
    await eventually(async () => {
      const listed = (await ask(owner, 'GET', '/devices?state=online')).body.data as {
        id: string
      }[]
      expect(listed.map((device) => device.id)).not.toContain(id)
    })
    clearInterval(answering)
    await come('without a bridge')
    line.close()
    await eventually(async () => expect((await ask(owner, 'DELETE', path)).status).toBe(503))
    expect(await presence()).toEqual(['offline', 'without a bridge'])
  })
})
