import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  aDevice,
  ask,
  aUser,
  type Caller,
  connect,
  eventually,
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
  testEnv.DB.prepare('SELECT secret_hash FROM device_credentials WHERE device_id = ?')
    .bind(id)
    .first('secret_hash')

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

  test('are refused without a bridge, with what to do, and earlier ones stay', async () => {
    const id = await aDevice(owner)
    const link = testEnv.BRIDGE_LINK.getByName('default')
    await eventually(async () => expect((await link.status()).connected).toBe(false))
    await testEnv.DB.prepare(
      `INSERT INTO device_credentials (device_id, secret_hash, created_at) VALUES (?, 'earlier', 1)`,
    )
      .bind(id)
      .run()
    const { status, body, headers } = await issue(id, newId())
    expect([status, body.code, headers.get('retry-after')]).toEqual([503, 'unavailable', '5'])
    expect(body.detail.length).toBeGreaterThan(40)
    expect(await hashOf(id)).toBe('earlier')
  })
})
