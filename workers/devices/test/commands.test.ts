import type { Downlink } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  aDevice,
  ask,
  aUser,
  type Caller,
  connect,
  eventually,
  message,
  theBridge,
} from './support/api.ts'
import { lineOf } from './support/line.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})

const send = (id: string, body: unknown = { name: 'reboot' }, headers = {}, who = owner) =>
  ask(who, 'POST', `/devices/${id}/commands`, body, headers)
const get = (id: string, commandId: string, who = owner) =>
  ask(who, 'GET', `/devices/${id}/commands/${commandId}`)
const list = (id: string, query = '', who = owner) =>
  ask(who, 'GET', `/devices/${id}/commands${query}`)
const cancel = (id: string, commandId: string, headers = {}, who = owner) =>
  ask(who, 'POST', `/devices/${id}/commands/${commandId}/cancel`, undefined, headers)

/** A device behind a bridge of its own, which keeps what is to be published. */
async function atABroker(id: string) {
  const link = newId()
  const up = async (...messages: object[]) =>
    (await ask(bridge, 'POST', '/devices/bridge/messages', { link, messages })).body.data
  await up(message(id, 'telemetry/climate', { values: { c: 1 } }))
  const line = lineOf(
    await connect(`/devices/bridge/ws?link=${link}`, { authorization: `Bearer ${bridge.token}` }),
  )
  const published = (): Downlink[] =>
    line.frames.filter(({ type }) => type === 'publish').flatMap(({ data }) => data.messages)
  const next = (count: number) =>
    eventually(() => {
      const found = published()[count - 1]
      if (found === undefined) throw new Error('not yet')
      return found
    })
  return { up, next, close: () => line.close() }
}

describe('commands', () => {
  test('go to the device and come back as acknowledgement, progress and result', async () => {
    const id = await aDevice(owner)
    const { up, next, close } = await atABroker(id)
    const sent = await send(id, { name: 'dim', payload: { to: 0.5 }, timeoutSeconds: 60 })
    expect(sent.status).toBe(202)
    const { id: commandId } = sent.body.data
    expect(sent.body.data).toMatchObject({ deviceId: id, state: 'SENT', timeoutSeconds: 60 })
    const downlink = await next(1)
    expect(downlink).toMatchObject({
      topic: `v1/devices/${id}/commands/${commandId}`,
      payload: { name: 'dim', payload: { to: 0.5 } },
      qos: 1,
      retain: false,
    })
    const state = async () => (await get(id, commandId)).body.data
    await up(message(id, `commands/${commandId}/ack`, { status: 'accepted' }))
    expect(await state()).toMatchObject({ state: 'DELIVERED' })
    await up(message(id, `commands/${commandId}/progress`, { percent: 10 }))
    expect(await state()).toMatchObject({ state: 'DELIVERED', progress: { percent: 10 } })
    // As an MQTT 5 device answers: where it was asked to, and with what it was given.
    const { responseTopic: topic = '', correlationData } = downlink
    const payload = JSON.stringify({ status: 'succeeded', result: { level: 0.5 } })
    const answer = { ...message(id, '', payload), topic, correlationData }
    expect((await up(answer, answer)).results).toEqual([
      { result: 'stored' },
      { result: 'duplicate' },
    ])
    expect(await state()).toMatchObject({ state: 'SUCCESSFUL', result: { level: 0.5 } })
    expect((await up(message(id, `commands/${newId()}/ack`, {}))).results).toMatchObject([
      { result: 'rejected', code: 'unknown_topic' },
    ])
    close()
  })

  test('are sent once for a key, which is good for that command alone', async () => {
    const id = await aDevice(owner)
    const key = { 'idempotency-key': newId() }
    const first = await send(id, { name: 'reboot' }, key)
    const again = await send(id, { name: 'reboot', payload: {} }, key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([202, 'true'])
    expect(again.body.data).toEqual(first.body.data)
    expect((await send(id, { name: 'other' }, key)).body.code).toBe('idempotency_mismatch')
    expect((await list(id)).body.data).toHaveLength(1)
  })

  test('are listed newest first in pages, by state, with cursors that are good for their list alone', async () => {
    const id = await aDevice(owner)
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.unshift((await send(id)).body.data.id)
    await cancel(id, ids[1] ?? '')
    const idsOf = ({ body }: Awaited<ReturnType<typeof list>>) =>
      body.data.map((command: { id: string }) => command.id)
    const first = await list(id, '?limit=2')
    const { nextCursor } = first.body.meta
    const second = await list(id, `?limit=3&cursor=${nextCursor}`)
    expect([...idsOf(first), ...idsOf(second)]).toEqual(ids)
    expect(second.body.meta.nextCursor).toBeUndefined()
    expect(idsOf(await list(id, '?state=FAILED'))).toEqual([ids[1]])
    expect(idsOf(await list(id, '?state=SENT&limit=2'))).toEqual([ids[0], ids[2]])
    const other = await aDevice(owner)
    for (const foreign of [
      list(other, `?cursor=${nextCursor}`),
      list(id, `?state=SENT&cursor=${nextCursor}`),
      list(id, `?cursor=${nextCursor}x`),
    ])
      expect((await foreign).status).toBe(422)
  })

  test('are canceled once; what has ended cannot be', async () => {
    const id = await aDevice(owner)
    const { id: commandId } = (await send(id)).body.data
    const key = { 'idempotency-key': newId() }
    const canceled = await cancel(id, commandId, key)
    expect([canceled.status, canceled.body.data.state, canceled.body.data.error.code]).toEqual([
      200,
      'FAILED',
      'canceled',
    ])
    const again = await cancel(id, commandId)
    expect([again.status, again.body.code]).toEqual([409, 'conflict'])
    const repeated = await cancel(id, commandId, key)
    expect([repeated.status, repeated.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    expect((await cancel(id, newId())).status).toBe(404)
  })

  test('are for who may write the device; to others it does not exist', async () => {
    const id = await aDevice(owner)
    const { id: commandId } = (await send(id)).body.data
    const [stranger, agent] = await Promise.all([aUser('user'), aUser('agent')])
    const statuses = async (who: Caller) => [
      (await send(id, { name: 'x' }, {}, who)).status,
      (await cancel(id, commandId, {}, who)).status,
      (await get(id, commandId, who)).status,
      (await list(id, '', who)).status,
    ]
    expect(await statuses(stranger)).toEqual([404, 404, 404, 404])
    expect(await statuses(agent)).toEqual([403, 403, 200, 200])
    expect((await get(id, newId())).status).toBe(404)
    expect((await get('no-such-device', commandId)).status).toBe(404)
  })

  test('are refused with the place of what is wrong', async () => {
    const id = await aDevice(owner)
    const deep = `${'{"in":'.repeat(9)}{}${'}'.repeat(9)}`
    const wrong = [
      [`{"name":"x","payload":${deep}}`, '/payload'],
      [`{"name":"x","payload":{"__proto__":{"a":1}}}`, '/payload'],
      [`{"name":"x","payload":{"a":"\\ud800"}}`, '/payload'],
      [`{"name":"x","payload":{"a":"${'y'.repeat(8_192)}"}}`, '/payload'],
      ['{"name":"x","payload":[]}', '/payload'],
      ['{"name":"not a name"}', '/name'],
      ['{"name":"x","timeoutSeconds":0}', '/timeoutSeconds'],
      ['{"name":"x","ttlSeconds":604801}', '/ttlSeconds'],
    ] as const
    for (const [body, pointer] of wrong) {
      const answer = await send(id, body)
      expect([answer.status, answer.body.errors?.[0]?.pointer]).toEqual([422, pointer])
    }
    expect((await list(id)).body.data).toEqual([])
  })

  test('are at most a hundred at a time', async () => {
    const id = await aDevice(owner)
    for (let n = 0; n < 100; n++) expect((await send(id)).status).toBe(202)
    const full = await send(id)
    expect([full.status, full.body.code]).toEqual([429, 'too_many_requests'])
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})
