import { BridgeMessage } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { AckBoard } from '../src/acks.ts'
import { ArrivalTimes } from '../src/arrival-times.ts'
import { backoffMs } from '../src/backoff.ts'
import { changeCommands, deviceAcls, isStanding } from '../src/broker/device-role.ts'
import { PublishedIds } from '../src/downlink/published-ids.ts'
import { messageOf } from '../src/message-of.ts'
import { joinPages } from '../src/metrics/join-pages.ts'
import { toBridgeMessage, toReceived, toRecord } from '../src/received.ts'
import { readSettings } from '../src/settings.ts'
import { judge } from '../src/supervise.ts'

const packet = (payload: Buffer | string, topic = 'v1/devices/d1/events/e') => ({
  topic,
  payload,
  qos: 1 as const,
  messageId: 7,
  dup: false,
  retain: false,
})

const arrival = '2026-11-21T10:00:00.000000Z'

describe('times of arrival', () => {
  it('are all different and never go back, however many come at once and whatever the clock does', () => {
    const times = new ArrivalTimes()
    expect([0, 0, 1, 0].map((now) => times.next(Date.parse(arrival) + now))).toEqual([
      '2026-11-21T10:00:00.000000Z',
      '2026-11-21T10:00:00.000001Z',
      '2026-11-21T10:00:00.001000Z',
      '2026-11-21T10:00:00.001001Z',
    ])
    const many = Array.from({ length: 3_000 }, () => times.next(Date.parse(arrival)))
    expect(new Set(many).size).toBe(3_000)
    expect(many.toSorted()).toEqual(many)
  })
})

describe('a message for the edge', () => {
  it('carries text as text and what is no UTF-8 as base64', () => {
    expect(toBridgeMessage(packet('{"a":"ä"}'), arrival).payload).toBe('{"a":"ä"}')
    const bytes = Buffer.from([0x7b, 0xff, 0xfe])
    expect(toBridgeMessage(packet(bytes), arrival)).toMatchObject({
      payloadBase64: bytes.toString('base64'),
      receivedAt: arrival,
    })
  })

  it('holds the first 4 KiB of a payload over 128 KiB and its size, and cuts no character', () => {
    const message = toBridgeMessage(packet(`x${'ä'.repeat(70_000)}`), arrival)
    expect(message.truncatedBytes).toBe(140_001)
    expect(message.payload).toHaveLength(1 + 2047)
    expect(message.payload).not.toContain('\ufffd')
  })

  it('holds a payload of exactly 128 KiB whole', () => {
    const message = toBridgeMessage(packet('x'.repeat(128 * 1024)), arrival)
    expect([message.payload?.length, message.truncatedBytes]).toEqual([131_072, undefined])
  })

  it('carries where an MQTT 5 sender wants its answer, unless that is longer than anybody needs', () => {
    const asks = (responseTopic: string, bytes: number) =>
      toBridgeMessage(
        { ...packet('{}'), properties: { responseTopic, correlationData: Buffer.alloc(bytes, 1) } },
        arrival,
      )
    expect(asks('v1/devices/d1/x', 3)).toMatchObject({
      responseTopic: 'v1/devices/d1/x',
      correlationData: 'AQEB',
    })
    const long = asks('x'.repeat(1025), 769)
    expect([long.responseTopic, long.correlationData]).toEqual([undefined, undefined])
  })

  it('leaves a record behind that says where it came from and how it began', () => {
    const properties = { responseTopic: 'r', correlationData: Buffer.from('c') }
    const text = `x${'ä'.repeat(4_000)}`
    const received = toReceived({ ...packet(text), dup: true, properties }, 0, 0, arrival)
    const record = JSON.parse(toRecord(received).json)
    expect(BridgeMessage.parse(record)).toEqual({
      topic: 'v1/devices/d1/events/e',
      payloadBase64: Buffer.from(text).subarray(0, 4096).toString('base64'),
      truncatedBytes: 8001,
      qos: 1,
      receivedAt: arrival,
    })
  })

  it('cuts a topic that no device may use, so that the edge can reject it alone', () => {
    const topic = `v1/devices/d1/telemetry/${'s'.repeat(60_000)}`
    expect(toBridgeMessage(packet('{}', topic), arrival).topic).toHaveLength(1024)
    expect(toReceived(packet('{}', topic), 0, 0, arrival).device).toBe('d1')
  })
})

describe('settings', () => {
  const least = {
    MQTT_URL: 'mqtt://localhost',
    MQTT_USERNAME: 'u',
    MQTT_PASSWORD: 'p',
    EDGE_URL: 'http://localhost:8787/',
    REALM: 'menagerie',
    CLIENT_SECRET: 's',
  }

  it('have defaults for all that is not about this installation', () => {
    expect(readSettings(least)).toEqual({
      mqtt: {
        url: 'mqtt://localhost',
        protocolVersion: 5,
        username: 'u',
        password: 'p',
        clientId: 'menagerie-bridge',
        keepaliveSeconds: 30,
      },
      edgeUrl: 'http://localhost:8787',
      realm: 'menagerie',
      client: { id: 'bridge', secret: 's' },
      link: 'default',
      instance: expect.stringMatching(/^[0-9a-f-]{36}$/),
      metrics: { host: '127.0.0.1', port: 9090 },
      batchSize: 100,
      batchesInFlight: 2,
      maxInFlight: 1000,
      logLevel: 'info',
    })
  })

  it.each([
    [{ MQTT_URL: '' }, 'MQTT_URL is missing'],
    [{ MQTT_URL: 'http://localhost' }, 'MQTT_URL must be a URL that begins with mqtt://'],
    [{ EDGE_URL: 'localhost' }, 'EDGE_URL must be a URL'],
    [{ BATCH_SIZE: '101' }, 'BATCH_SIZE must be a whole number from 1 to 100'],
    [{ MQTT_PROTOCOL_VERSION: '3' }, 'MQTT_PROTOCOL_VERSION must be 5 or 4'],
    [{ MQTT_ADMIN_USERNAME: 'a' }, 'MQTT_ADMIN_PASSWORD and MQTT_ADMIN_USERNAME'],
    [{ MQTT_PUBLISHER_USERNAME: 'a' }, 'MQTT_PUBLISHER_PASSWORD and MQTT_PUBLISHER_USERNAME'],
    [
      { MQTT_USERNAME: 'a', MQTT_PUBLISHER_USERNAME: 'a', MQTT_PUBLISHER_PASSWORD: 'p' },
      'MQTT_PUBLISHER_USERNAME must be another user',
    ],
    [
      {
        MQTT_ADMIN_USERNAME: 'a',
        MQTT_ADMIN_PASSWORD: 'p',
        MQTT_PUBLISHER_USERNAME: 'a',
        MQTT_PUBLISHER_PASSWORD: 'p',
      },
      'MQTT_PUBLISHER_USERNAME must be another user',
    ],
    [{ LINK: 'a b' }, 'LINK must be'],
    [{ INSTANCE: 'a b' }, 'INSTANCE must be'],
    [{ MQTT_URL: 'mqtts://b', MQTT_CA_FILE: '/no/where' }, 'MQTT_CA_FILE names a file that cannot'],
    [{ MQTT_CA_FILE: import.meta.filename }, 'MQTT_URL must begin with mqtts://'],
    [{ MQTT_URL: 'mqtts://b', MQTT_CA_FILE: import.meta.filename }, 'MQTT_CA_FILE holds no certif'],
    [
      {
        MQTT_URL: 'mqtts://b',
        MQTT_CERT_FILE: import.meta.filename,
        MQTT_KEY_FILE: import.meta.filename,
      },
      'MQTT_CERT_FILE and MQTT_KEY_FILE are not a certificate and its key',
    ],
    [{ MQTT_URL: 'mqtts://b', MQTT_CERT_FILE: import.meta.filename }, 'MQTT_KEY_FILE and MQTT_CE'],
  ])('that are wrong are named in one line: %j', (wrong, message) => {
    expect(() => readSettings({ ...least, ...wrong })).toThrow(message)
  })

  it('that are missing are named all at once, without a value', () => {
    const read = () =>
      readSettings({ ...least, CLIENT_SECRET: '', REALM: undefined, LINK: 'a secret!' })
    expect(read).toThrow(/^(?!.*a secret).*REALM is missing; CLIENT_SECRET is missing; LINK/)
  })
})

describe('acknowledgements to devices', () => {
  it('are the newest of each device: a larger epoch, then a larger number', () => {
    const board = new AckBoard()
    const ack = (deviceId: string, epoch: number, ackedThrough: number) => ({
      deviceId,
      epoch,
      ackedThrough,
    })
    board.note([ack('a', 1, 5), ack('b', 1, 1), ack('a', 1, 3)])
    board.note([ack('b', 2, 0), ack('a', 1, 6)])
    board.note([ack('b', 1, 9)])
    expect(board.collect()).toEqual([ack('a', 1, 6), ack('b', 2, 0)])
    expect(board.collect()).toEqual([])
  })
})

describe('ids of published messages', () => {
  it('are kept up to a number, the newest longest', () => {
    const ids = new PublishedIds(2)
    for (const id of ['a', 'b', 'a', 'c']) ids.add(id)
    expect(['a', 'b', 'c'].map((id) => ids.has(id))).toEqual([true, false, true])
  })
})

describe('the supervisor', () => {
  const calm = {
    now: 100_000,
    connected: true,
    parked: false,
    inFlight: 0,
    failingSince: undefined,
    progressAt: 0,
    isBlocked: false,
    keepaliveMs: 30_000,
  }
  it('leaves a quiet connection alone', () => {
    expect(judge(calm)).toEqual({ do: 'nothing' })
  })
  it('leaves the broker when the edge is away longer than half the keepalive', () => {
    expect(judge({ ...calm, inFlight: 5, failingSince: 85_000 })).toEqual({ do: 'nothing' })
    expect(judge({ ...calm, inFlight: 5, failingSince: 84_999 })).toEqual({ do: 'park' })
  })
  it('leaves the connection alone while all wait for the twin of one device', () => {
    const waiting = { ...calm, inFlight: 1, progressAt: 0, isBlocked: true }
    expect(judge(waiting)).toEqual({ do: 'nothing' })
  })
  it('begins anew when messages wait and nothing moves for 30 s', () => {
    expect(judge({ ...calm, inFlight: 1, progressAt: 70_000 })).toEqual({ do: 'nothing' })
    expect(judge({ ...calm, inFlight: 1, progressAt: 69_999 })).toEqual({ do: 'reconnect' })
  })
})

describe('what went wrong with a request', () => {
  it('is told with its cause, which for several addresses has a code alone', () => {
    const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' })
    expect(messageOf(new TypeError('fetch failed', { cause: refused }))).toBe(
      'fetch failed: ECONNREFUSED',
    )
    const unknown = new Error('getaddrinfo ENOTFOUND edge.example')
    expect(messageOf(new TypeError('fetch failed', { cause: unknown }))).toBe(
      'fetch failed: getaddrinfo ENOTFOUND edge.example',
    )
    expect([messageOf(new Error('alone')), messageOf('text')]).toEqual(['alone', 'text'])
  })
})

describe('two pages of metrics', () => {
  it('become one in which each family stands once', () => {
    const own = '# HELP a A.\n# TYPE a counter\na 1\n'
    const other =
      '# HELP a Other.\n# TYPE a counter\na 9\n# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n# EOF\n'
    expect(joinPages(own, other)).toBe(
      `${own}# HELP h H.\n# TYPE h histogram\nh_bucket{le="+Inf"} 1\nh_sum 1\nh_count 1\n`,
    )
  })
})

describe('the role of a device', () => {
  it('sends on its up topics only, hears its own tree, and may share no subscription', () => {
    const acls = deviceAcls('d1')
    const of = (type: string) => acls.filter(({ acltype }) => acltype === type)
    expect(of('publishClientSend').map(({ topic }) => topic)).not.toContain('v1/devices/d1/#')
    expect(of('publishClientSend').every(({ topic }) => /\/d1\//.test(topic))).toBe(true)
    expect(
      of('subscribePattern')
        .filter(({ allow }) => allow)
        .map(({ topic }) => topic),
    ).toEqual(['v1/devices/d1/#', '$aws/things/d1/shadow/#'])
    expect(of('subscribePattern')).toContainEqual(
      expect.objectContaining({ topic: '$share/#', allow: false }),
    )
  })

  it('may exist already, or be gone already; any other answer is a failure', () => {
    const stands = (command: string, error: string) => isStanding({ command, error })
    expect(stands('createClient', 'Client already exists')).toBe(true)
    expect(stands('deleteRole', 'Role not found')).toBe(true)
    expect(stands('getClient', 'Client not found')).toBe(true)
    expect(stands('modifyClient', 'Client not found')).toBe(false)
    expect(stands('createRole', 'Internal error')).toBe(false)
  })

  it('is changed only where it stood already: the broker writes its whole file with each command', () => {
    const changes = (...standing: string[]) =>
      changeCommands('d1', 'd1~2', 'p', new Set(standing)).map(({ command }) => command)
    expect(changes()).toEqual([])
    expect(changes('createRole')).toEqual(['modifyRole'])
    expect(changes('createClient')).toEqual(['modifyClient', 'enableClient'])
  })
})

describe('waiting before the next attempt', () => {
  it('grows to its bound and never falls to nothing', () => {
    expect([0, 1, 5, 50].map((attempt) => backoffMs(attempt, 2_000, 1))).toEqual([
      50, 100, 1600, 2000,
    ])
    expect(backoffMs(50, 2_000, 0)).toBe(200)
  })
})
