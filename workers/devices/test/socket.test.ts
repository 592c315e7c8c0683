import { beforeAll, describe, expect, test } from 'vitest'
import {
  aDevice,
  ask,
  aUser,
  type Caller,
  connect,
  handOver,
  message,
  theBridge,
} from './support/api.ts'
import { lineOf } from './support/line.ts'

let owner: Caller
let bridge: Caller
beforeAll(async () => {
  ;[owner, bridge] = await Promise.all([aUser('user'), theBridge()])
})
const protocol = (ticket: string) => ({
  'sec-websocket-protocol': `menagerie.v1, ticket.${ticket}`,
})

describe('the socket of a device', () => {
  test('opens by a ticket and shows presence and telemetry live', async () => {
    const id = await aDevice(owner)
    const { status, body } = await ask(owner, 'POST', `/devices/${id}/ticket`)
    expect([status, body.data.url]).toEqual([201, `ws://localhost:9/devices/${id}/ws`])
    const opened = await connect(`/devices/${id}/ws?afterSeq=0`, protocol(body.data.ticket))
    expect(opened.headers.get('sec-websocket-protocol')).toBe('menagerie.v1')
    const line = lineOf(opened)
    expect((await line.until(({ type }) => type === 'welcome')).data.snapshot.device.id).toBe(id)
    await handOver(
      bridge,
      message(id, 'presence', { state: 'online', session: 's1' }),
      message(id, 'telemetry/climate', { values: { c: 21 } }),
    )
    expect((await line.until(({ type }) => type === 'device.presence')).data.state).toBe('online')
    const { data } = await line.until(({ type }) => type === 'device.telemetry')
    expect([data.stream, data.samples[0].values]).toEqual(['climate', { c: 21 }])
    line.close()
    expect((await connect(`/devices/${id}/ws`, protocol(body.data.ticket))).status).toBe(401)
  })

  test('opens by a token for who may see the device, and for nobody else', async () => {
    const id = await aDevice(owner)
    const bearer = (caller: Caller) => ({ authorization: `Bearer ${caller.token}` })
    const opened = await connect(`/devices/${id}/ws`, bearer(owner))
    // Who offered no subprotocol is answered none (RFC 6455 §4.1).
    expect([opened.status, opened.headers.get('sec-websocket-protocol')]).toEqual([101, null])
    lineOf(opened).close()
    const refused = await Promise.all([
      connect(`/devices/${id}/ws`, bearer(await aUser('user'))),
      connect(`/devices/${id}/ws`, bearer(bridge)),
      connect(`/devices/${id}/ws`, protocol('unknown')),
      connect('/devices/no-such-device/ws', protocol('unknown')),
    ])
    expect(refused.map(({ status }) => status)).toEqual([404, 403, 401, 401])
    expect((await ask(owner, 'GET', `/devices/${id}/ws`)).status).toBe(426)
  })
})

describe('the socket of the bridge', () => {
  const open = (caller: Caller | undefined, link: string) =>
    connect(`/devices/bridge/ws?link=${link}`, {
      'sec-websocket-protocol': 'menagerie.v1',
      ...(caller === undefined ? {} : { authorization: `Bearer ${caller.token}` }),
    })

  test('brings what devices are to be told, until the broker has it', async () => {
    const id = await aDevice(owner)
    const link = 'broker-1'
    // The twin answers by the link its device last came by.
    const batch = { link, messages: [message(id, 'presence', { state: 'online', session: 's' })] }
    await ask(bridge, 'POST', '/devices/bridge/messages', batch)
    await ask(owner, 'PATCH', `/devices/${id}/twin`, { desired: { led: 'on' } })
    const first = lineOf(await open(bridge, link))
    expect((await first.until(({ type }) => type === 'welcome')).data).toMatchObject({ link })
    const { data } = await first.until(({ type }) => type === 'publish')
    expect(data.messages).toMatchObject([
      { topic: `v1/devices/${id}/twin/delta`, payload: { state: { led: 'on' } }, qos: 1 },
    ])
    // Not acknowledged by the broker: the next connection gets it again, once the link is its own.
    const second = lineOf(await open(bridge, link))
    first.close()
    const again = await second.until(({ type }) => type === 'publish')
    expect(again.data.messages[0].id).toBe(data.messages[0].id)
    second.send({ type: 'published', data: { ids: [data.messages[0].id] } })
    second.close()
  })

  test('is for the bridge alone', async () => {
    const callers = [undefined, owner, await aUser('admin'), await aUser('bridge')]
    const statuses = await Promise.all(
      callers.map(async (caller) => (await open(caller, 'broker-2')).status),
    )
    expect(statuses).toEqual([401, 403, 403, 403])
    expect((await ask(bridge, 'GET', '/devices/bridge/ws')).status).toBe(426)
    expect((await open(bridge, 'a%2Fb')).status).toBe(422)
  })
})
