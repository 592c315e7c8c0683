import { beforeAll, describe, expect, test } from 'vitest'
import { aDevice, ask, aUser, type Caller, connect, theBridge } from './support/api.ts'
import { type Line, lineOf } from './support/line.ts'

const link = 'shadows'
let owner: Caller
let bridge: Caller
let line: Line
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
  const upgraded = await connect(`/devices/bridge/ws?link=${link}`, {
    'sec-websocket-protocol': 'menagerie.v1',
    authorization: `Bearer ${bridge.token}`,
  })
  line = lineOf(upgraded)
})

let arrivals = 0

/** What a device sends to the AWS-compatible tree, as the bridge hands it over. */
const request = (id: string, action: string, payload: object | string = '') => ({
  topic: `$aws/things/${id}/shadow/${action}`,
  payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  qos: 1,
  receivedAt: new Date()
    .toISOString()
    .replace('Z', `${String(arrivals++ % 1000).padStart(3, '0')}Z`),
})

async function send(...messages: object[]): Promise<string[]> {
  const { status, body } = await ask(bridge, 'POST', '/devices/bridge/messages', { link, messages })
  expect(status).toBe(200)
  return body.data.results.map(({ result }: { result: string }) => result)
}

/** Messages for a device on the AWS-compatible tree so far. */
const told = (id: string) =>
  line.frames
    .filter(({ type }) => type === 'publish')
    .flatMap(({ data }) => data.messages as { topic: string; payload: Record<string, unknown> }[])
    .filter(({ topic }) => topic.startsWith(`$aws/things/${id}/shadow/`))
    .map(({ topic, payload }) => ({ name: topic.split('/shadow/')[1], payload }))

/** Waits for one that says `token`. */
async function answer(id: string, name: string, clientToken: string) {
  const isIt = (said: ReturnType<typeof told>[number]) =>
    said.name === name && said.payload.clientToken === clientToken
  await line.until(() => told(id).some(isIt))
  return told(id).find(isIt)?.payload
}

describe('the AWS-compatible shadow', () => {
  test('is read, updated, refused and deleted, and every request is answered on its topics', async () => {
    const id = await aDevice(owner)
    expect(await send(request(id, 'get', { clientToken: 'c1' }))).toEqual(['stored'])
    expect(await answer(id, 'get/rejected', 'c1')).toMatchObject({
      code: 404,
      message: `No shadow exists with name: '${id}'`,
    })
    await send(
      request(id, 'update', { state: { desired: { led: 'on' } }, clientToken: 'c2' }),
      request(id, 'update', { state: { reported: { led: 'off' } }, version: 9, clientToken: 'c3' }),
      request(id, 'update', '{'),
    )
    expect(await answer(id, 'update/accepted', 'c2')).toMatchObject({
      state: { desired: { led: 'on' } },
      metadata: { desired: { led: { timestamp: expect.any(Number) } } },
      version: 1,
    })
    expect(await answer(id, 'update/delta', 'c2')).toMatchObject({
      state: { led: 'on' },
      version: 1,
    })
    expect(await answer(id, 'update/documents', 'c2')).toMatchObject({ current: { version: 1 } })
    expect(await answer(id, 'update/rejected', 'c3')).toMatchObject({
      code: 409,
      message: 'Version conflict',
    })
    await send(request(id, 'delete', { clientToken: 'c4' }))
    expect(await answer(id, 'delete/accepted', 'c4')).toMatchObject({ version: 2 })
    const { body } = await ask(owner, 'GET', `/devices/${id}/twin`)
    expect(body.data).toMatchObject({ desired: {}, reported: {}, version: 2 })
  })

  test('is the same document that people change, and tells the device of their changes', async () => {
    const id = await aDevice(owner)
    await ask(owner, 'PATCH', `/devices/${id}/twin`, { desired: { led: 'on' } })
    expect(told(id)).toEqual([])
    await send(request(id, 'get', { clientToken: 'g' }))
    expect(await answer(id, 'get/accepted', 'g')).toMatchObject({
      state: { desired: { led: 'on' }, delta: { led: 'on' } },
      version: 1,
    })
    await ask(owner, 'PATCH', `/devices/${id}/twin`, { desired: { led: 'off' } })
    await line.until(() => told(id).some(({ name }) => name === 'update/delta'))
    expect(told(id).slice(1)).toMatchObject([
      { name: 'update/documents', payload: { previous: { version: 1 }, current: { version: 2 } } },
      { name: 'update/delta', payload: { version: 2, state: { led: 'off' } } },
    ])
    await send(request(id, 'update', { state: { reported: { led: 'off' } }, clientToken: 'u' }))
    const { body } = await ask(owner, 'GET', `/devices/${id}/twin`)
    expect(body.data).toMatchObject({ reported: { led: 'off' }, delta: {}, version: 3 })
  })

  test('takes a batch that comes again once, and answers it once', async () => {
    const id = await aDevice(owner)
    const update = request(id, 'update', { state: { reported: { n: 1 } }, clientToken: 'once' })
    expect(await send(update)).toEqual(['stored'])
    expect(await send(update)).toEqual(['duplicate'])
    await send(request(id, 'get', { clientToken: 'after' }))
    expect(await answer(id, 'get/accepted', 'after')).toMatchObject({ version: 1 })
    expect(told(id).filter(({ name }) => name === 'update/accepted')).toHaveLength(1)
  })

  test('stands beside the native answers, which go where the device wants them (MQTT 5)', async () => {
    const id = await aDevice(owner)
    const get = (responseTopic: string, clientToken: string) => ({
      ...request(id, '', { clientToken }),
      topic: `v1/devices/${id}/twin/get`,
      responseTopic,
      correlationData: 'Nw==',
    })
    await send(get(`v1/devices/${id}/answers/7`, 'in'), get('v1/devices/other/answers/7', 'out'))
    const answers = () =>
      line.frames
        .filter(({ type }) => type === 'publish')
        .flatMap(({ data }) => data.messages)
        .filter(({ topic }) => topic.startsWith(`v1/devices/${id}/`))
    await line.until(() => answers().length === 2)
    expect(answers()).toMatchObject([
      { topic: `v1/devices/${id}/answers/7`, correlationData: 'Nw==', payload: { version: 0 } },
      { topic: `v1/devices/${id}/twin/state`, correlationData: 'Nw==' },
    ])
  })

  test('has no name: what is sent to a named one is recorded as an unknown topic', async () => {
    const id = await aDevice(owner)
    expect(await send(request(id, 'name/config/get'))).toEqual(['rejected'])
  })
})
