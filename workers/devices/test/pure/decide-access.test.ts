import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTopic } from '../../src/bridge/parse-topic.ts'
import { betterOwnersOf, decideAccess, isClientIdOf } from '../../src/broker/decide-access.ts'

const publish = (topic: string, username = 'd1') =>
  decideAccess({ username, action: 'publish', topic })
const subscribe = (topic: string, username = 'd1') =>
  decideAccess({ username, action: 'subscribe', topic })

describe('a client id', () => {
  it.each([
    ['fox', 'fox', []],
    ['fox', 'fox-1', ['fox-1']],
    ['fox~2', 'fox-1-ear', ['fox-1', 'fox-1-ear']],
    ['fox', 'fox-', ['fox-']],
    [
      'fox',
      `fox-${'-'.repeat(1_000)}`,
      Array.from({ length: 61 }, (_, n) => `fox${'-'.repeat(n + 1)}`),
    ],
    ['fox', 'fox-1 2', []],
  ])('of %s, %s, is rather that of a longer id', (username, clientId, better) => {
    expect(new Set(betterOwnersOf(username, clientId))).toEqual(new Set(better))
  })
})

describe('a device at the broker', () => {
  it.each([
    'presence',
    'telemetry/climate',
    'telemetry/a.name.the.edge.will.refuse',
    'events/opened',
    'twin/reported',
    'twin/get',
    'commands/c1/ack',
    'commands/c1/progress',
    'commands/c1/result',
  ])('sends to its own %s', (rest) => {
    expect(publish(`v1/devices/d1/${rest}`)).toBe('allow')
  })

  it.each([
    'v1/devices/d2/presence',
    'v1/devices/d1',
    'v1/devices/d1/',
    'v1/devices/d1/twin/delta',
    'v1/devices/d1/twin/state',
    'v1/devices/d1/acks',
    'v1/devices/d1/commands/c1',
    'v1/devices/d1/commands/c1/cancel',
    'v1/devices/d1/commands//ack',
    'v1/devices/d1/telemetry/',
    'v1/devices/d1/telemetry/a/b',
    'v1/devices/d1/telemetry/+',
    'v1/devices/d1/presence/x',
    'v1/devices/d10/presence',
    '$SYS/broker/uptime',
    '$CONTROL/dynamic-security/v1',
    '',
  ])('does not send to %s (S105)', (topic) => {
    expect(publish(topic)).toBe('deny')
  })

  it.each(['twin/delta', 'twin/+', 'commands/+', 'acks', '#', '+/+'])(
    'listens to its own %s',
    (rest) => {
      expect(subscribe(`v1/devices/d1/${rest}`)).toBe('allow')
    },
  )

  it.each([
    '#',
    '+',
    'v1/#',
    'v1/devices/+/twin/delta',
    'v1/devices/d2/twin/delta',
    'v1/devices/d10/#',
    'v1/devices/#',
    '$SYS/#',
    '$share/bridge/v1/devices/#',
    '$share/x/v1/devices/d1/#',
    '$share/x/#',
    '/v1/devices/d1/#',
  ])('does not listen to %s (S106)', (filter) => {
    expect(subscribe(filter)).toBe('deny')
  })

  it.each(['+', '#', 'a/b', 'd1/x', '', 'a b', '../d1', `${'x'.repeat(65)}`])(
    'named %j does nothing at all (S107)',
    (username) => {
      expect(publish(`v1/devices/${username}/presence`, username)).toBe('deny')
      expect(subscribe(`v1/devices/${username}/#`, username)).toBe('deny')
      expect(isClientIdOf(username, username)).toBe(false)
    },
  )

  it('asks for its own shadow, and hears its answers, under both of its user names', () => {
    for (const username of ['d1', 'd1~2']) {
      for (const request of ['get', 'update', 'delete'])
        expect(publish(`$aws/things/d1/shadow/${request}`, username)).toBe('allow')
      for (const filter of ['#', 'update/delta', '+/accepted'])
        expect(subscribe(`$aws/things/d1/shadow/${filter}`, username)).toBe('allow')
      expect(publish('v1/devices/d1/presence', username)).toBe('allow')
      expect(isClientIdOf(username, 'd1-second')).toBe(true)
      expect(isClientIdOf(username, `${username}x`)).toBe(false)
    }
  })

  it.each([
    '$aws/things/d1/shadow/update/accepted',
    '$aws/things/d1/shadow/update/delta',
    '$aws/things/d1/shadow/',
    '$aws/things/d1/shadow/get/x',
    '$aws/things/d1/jobs/get',
    '$aws/things/d2/shadow/get',
    '$aws/things/d1~2/shadow/get',
    'v1/devices/d1~2/presence',
  ])('does not send to %s, under neither of its user names (S105)', (topic) => {
    expect([publish(topic), publish(topic, 'd1~2')]).toEqual(['deny', 'deny'])
  })

  it.each(['$aws/things/d2/shadow/#', '$aws/things/+/shadow/#', '$aws/things/d1/#', '$aws/#'])(
    'does not listen to %s, under neither of its user names (S106)',
    (filter) => {
      expect([subscribe(filter), subscribe(filter, 'd1~2')]).toEqual(['deny', 'deny'])
    },
  )

  it('connects under its own client ids alone (contract §5)', () => {
    const allowed = (clientId: string) => isClientIdOf('d1', clientId)
    expect(['d1', 'd1-', 'd1-second'].every(allowed)).toBe(true)
    expect(['', 'd2', 'd10', 'd1x', 'D1', 'x-d1'].some(allowed)).toBe(false)
  })

  it('may send wherever the edge knows a topic, and never reaches another one by any of them', () => {
    const level = fc.constantFrom(
      ...['presence', 'telemetry', 'events', 'twin', 'reported', 'get', 'delta', 'x', '', '+', '#'],
    )
    fc.assert(
      fc.property(
        fc.constantFrom('d1', 'd2', '+', 'd1/..'),
        fc.array(level, { maxLength: 4 }),
        (device, levels) => {
          const topic = ['v1/devices', device, ...levels].join('/')
          const read = parseTopic(topic)
          const own = read.ok && read.value.deviceId === 'd1'
          if (own) expect(publish(topic)).toBe('allow')
          if (publish(topic) === 'allow' || subscribe(topic) === 'allow')
            expect(topic.split('/')[2]).toBe('d1')
        },
      ),
      { numRuns: 1_000 },
    )
  })
})
