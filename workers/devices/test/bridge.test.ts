import { MAX_PAYLOAD_BYTES } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  aDevice,
  aService,
  ask,
  aUser,
  type Caller,
  eventually,
  handOver,
  message,
  testEnv,
  theBridge,
} from './support/api.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})

const outcomes = ({ body }: Answer): string[] =>
  body.data.results.map(({ result, code }: { result: string; code?: string }) => code ?? result)

/** What this Worker has recorded of a topic; the twins record their own. */
async function recorded(topic: string) {
  const { results } = await testEnv.DB.prepare(
    `SELECT body FROM outbox WHERE json_extract(body, '$.data.topic') = ?`,
  )
    .bind(topic)
    .all<{ body: string }>()
  return results.map(({ body }) => JSON.parse(body))
}

const sample = (id: string, seq: number) =>
  message(id, 'telemetry/climate', { seq, values: { c: seq } })

describe('POST /devices/bridge/messages', () => {
  test('stores what devices sent and says how far each may forget', async () => {
    const [a, b] = await Promise.all([aDevice(owner), aDevice(owner)])
    const answer = await handOver(bridge, sample(a, 1), sample(b, 1), sample(a, 2), sample(a, 4))
    expect([answer.status, outcomes(answer)]).toEqual([
      200,
      ['stored', 'stored', 'stored', 'stored'],
    ])
    expect(new Set(answer.body.data.acks)).toEqual(
      new Set([
        { deviceId: a, epoch: 0, ackedThrough: 2 },
        { deviceId: b, epoch: 0, ackedThrough: 1 },
      ]),
    )
  })

  test('knows what it has stored when the batch comes again', async () => {
    const id = await aDevice(owner)
    const batch = [sample(id, 1), sample(id, 2)]
    await handOver(bridge, ...batch)
    const again = await handOver(bridge, ...batch, sample(id, 3))
    expect(outcomes(again)).toEqual(['duplicate', 'duplicate', 'stored'])
    expect(again.body.data.acks).toEqual([{ deviceId: id, epoch: 0, ackedThrough: 3 }])
  })

  test('records what nobody can use once, acknowledges it and stores the rest', async () => {
    const id = await aDevice(owner)
    const none = `none-${newId()}`
    // The record names devices that the list knows.
    await eventually(async () =>
      expect((await ask(owner, 'GET', `/devices?q=${id}`)).body.data).toHaveLength(1),
    )
    const batch = [
      sample(id, 1),
      message(id, 'nowhere/at/all', '{}'),
      message(none, 'presence', { state: 'online' }),
      { ...message(id, 'x', '{}'), topic: `elsewhere/${none}` },
      message(id, 'telemetry/climate', 'no JSON'),
      message(id, 'telemetry/climate', 'x'.repeat(MAX_PAYLOAD_BYTES + 1)),
      message(id, 'telemetry/climate', undefined, { payloadBase64: '/w==', payload: undefined }),
      message(id, 'telemetry/climate', 'the beginning', { truncatedBytes: 10_000_000 }),
      sample(id, 2),
    ]
    const expected = [
      ...['stored', 'unknown_topic', 'unknown_device', 'unknown_topic', 'malformed_json'],
      ...['too_large', 'malformed_json', 'too_large', 'stored'],
    ]
    expect(outcomes(await handOver(bridge, ...batch))).toEqual(expected)
    await handOver(bridge, ...batch)
    const [nowhere, ...more] = await recorded(`v1/devices/${id}/nowhere/at/all`)
    expect(more).toEqual([])
    expect(nowhere).toMatchObject({
      type: 'device.message.rejected.v1',
      queue: 'dead-letters',
      data: { deviceId: id, code: 'unknown_topic', payload: '{}', encoding: 'utf-8', bytes: 2 },
    })
    const [unknown, ...others] = await recorded(`v1/devices/${none}/presence`)
    expect([unknown.data.deviceId, unknown.data.code, others]).toEqual([null, 'unknown_device', []])
    expect(await recorded(`elsewhere/${none}`)).toHaveLength(1)
  })

  test('makes nothing of a device that was never registered', async () => {
    const id = `never-${newId()}`
    await handOver(bridge, sample(id, 1))
    expect((await ask(await aUser('admin'), 'GET', `/devices/${id}`)).status).toBe(404)
    expect(await aDevice(owner, { id })).toBe(id)
    expect(outcomes(await handOver(bridge, sample(id, 1)))).toEqual(['stored'])
  })

  test('takes a hundred messages of a hundred devices, each in its place', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => aDevice(owner)))
    const batch = Array.from({ length: 100 }, (_, i) => {
      const id = ids[i % ids.length] ?? ''
      return i % 10 === 9 ? message(id, 'odd/topic/here', String(i)) : sample(id, i + 1)
    })
    const results = outcomes(await handOver(bridge, ...batch))
    expect(results).toEqual(batch.map((_, i) => (i % 10 === 9 ? 'unknown_topic' : 'stored')))
  })

  test('is for the bridge alone, never for people nor for services (S114)', async () => {
    const batch = { link: 'default', messages: [sample('d1', 1)] }
    const callers = [
      undefined,
      owner,
      await aUser('admin'),
      // The role is nobody's by itself: the token must be a client's own.
      await aUser('bridge'),
      { token: await aService('devices') },
    ]
    const answers = await Promise.all(
      callers.map((caller) => ask(caller, 'POST', '/devices/bridge/messages', batch)),
    )
    expect(answers.map(({ status }) => status)).toEqual([401, 403, 403, 403, 403])
    // And the bridge is nobody elsewhere.
    expect((await ask(bridge, 'GET', '/devices')).status).toBe(403)
  })

  test('refuses a batch that the bridge made wrongly, and stores nothing of it', async () => {
    const id = await aDevice(owner)
    const send = (body: unknown, headers = {}) =>
      ask(bridge, 'POST', '/devices/bridge/messages', body, headers)
    const bad = await send({ link: 'default', messages: [sample(id, 1), { topic: 'x', qos: 3 }] })
    expect([bad.status, bad.body.code]).toEqual([422, 'validation_failed'])
    expect(bad.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toContain(
      '/messages/1/qos',
    )
    const { body } = await ask(owner, 'GET', `/devices/${id}/telemetry`)
    expect(body.data.latest).toEqual({})
    const others = await Promise.all([
      send('{'),
      send('{}', { 'content-type': 'text/plain' }),
      send({ messages: [] }),
    ])
    expect(others.map(({ status, body: { code } }) => [status, code])).toEqual([
      [400, 'malformed_json'],
      [415, 'unsupported_media_type'],
      [422, 'validation_failed'],
    ])
  })

  test('answers nothing for sure when what is rejected cannot be recorded', async () => {
    await testEnv.DB.prepare('ALTER TABLE outbox RENAME TO away').run()
    const batch = [message(`gone-${newId()}`, 'presence', '{}')]
    try {
      expect((await handOver(bridge, ...batch)).status).toBeGreaterThanOrEqual(500)
    } finally {
      await testEnv.DB.prepare('ALTER TABLE away RENAME TO outbox').run()
    }
    expect(outcomes(await handOver(bridge, ...batch))).toEqual(['unknown_device'])
  })
})
