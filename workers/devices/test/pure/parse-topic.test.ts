import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseTopic } from '../../src/bridge/parse-topic.ts'

const name = fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/)

describe('a topic (contract §5)', () => {
  it.each([
    ['presence', { kind: 'presence' }],
    ['telemetry/climate', { kind: 'telemetry', stream: 'climate' }],
    ['events/door-opened', { kind: 'event', name: 'door-opened' }],
    ['twin/reported', { kind: 'reported' }],
    ['twin/get', { kind: 'get' }],
    ['commands/c-1/ack', { kind: 'answer', answer: 'ack', commandId: 'c-1' }],
    ['commands/c-1/progress', { kind: 'answer', answer: 'progress', commandId: 'c-1' }],
    ['commands/c-1/result', { kind: 'answer', answer: 'result', commandId: 'c-1' }],
  ])('of the native tree, %s, says what is sent', (rest, of) => {
    expect(parseTopic(`v1/devices/d-1/${rest}`)).toEqual({
      ok: true,
      value: { deviceId: 'd-1', of },
    })
  })

  it.each(['get', 'update', 'delete'])(
    'of the AWS-compatible tree says what is asked: %s',
    (action) => {
      expect(parseTopic(`$aws/things/d-1/shadow/${action}`)).toEqual({
        ok: true,
        value: { deviceId: 'd-1', of: { kind: 'shadow', action } },
      })
    },
  )

  it.each([
    '',
    'presence',
    '/devices/d1/presence',
    '/v1/devices/d1/presence',
    'v2/devices/d1/presence',
    'v1/devices//presence',
    'v1/devices/a.b/presence',
    `v1/devices/${'x'.repeat(65)}/presence`,
    'v1/devices/+/presence',
    '$aws/things/a.b/shadow/get',
    '$aws/things//shadow/get',
    '$aws/certificates/d1/shadow/get',
    'aws/things/d1/shadow/get',
    'constructor/prototype/d1/x',
  ])('%j names no device', (topic) => {
    expect(parseTopic(topic)).toMatchObject({ ok: false, error: { deviceId: null } })
  })

  it.each([
    'v1/devices/d1',
    'v1/devices/d1/',
    'v1/devices/d1/presence/',
    'v1/devices/d1/presence/x',
    'v1/devices/d1/telemetry',
    'v1/devices/d1/telemetry/',
    'v1/devices/d1/telemetry/a.b',
    'v1/devices/d1/telemetry/a/b',
    'v1/devices/d1/twin/delta',
    'v1/devices/d1/twin/state',
    'v1/devices/d1/acks',
    'v1/devices/d1/commands/c1',
    'v1/devices/d1/commands/c1/done',
    'v1/devices/d1/commands//ack',
    'v1/devices/d1/commands/c1/ack/x',
    'v1/devices/d1/telemetry/c1/ack',
    'v1/devices/d1/shadow/get',
    '$aws/things/d1/presence',
    '$aws/things/d1/shadow',
    '$aws/things/d1/shadow/get/accepted',
    '$aws/things/d1/shadow/name/config/get',
    '$aws/things/d1/shadow/constructor',
    'v1/devices/d1/constructor/x',
  ])('%s names a device and nothing that it may send', (topic) => {
    expect(parseTopic(topic)).toMatchObject({ ok: false, error: { deviceId: 'd1' } })
  })

  it('is read back as it was made, whatever the names', () => {
    fc.assert(
      fc.property(name, name, fc.constantFrom('telemetry', 'events'), (id, last, first) => {
        expect(parseTopic(`v1/devices/${id}/${first}/${last}`)).toMatchObject({
          ok: true,
          value: { deviceId: id },
        })
      }),
    )
  })

  it('is read without a throw, and never for another device than its own level says', () => {
    const level = fc.oneof(
      fc.constantFrom(
        'v1',
        'devices',
        '$aws',
        'things',
        'shadow',
        'd1',
        'telemetry',
        'twin',
        'get',
        '',
        '+',
        '#',
        '..',
      ),
      fc.string(),
    )
    fc.assert(
      fc.property(fc.array(level, { maxLength: 7 }), (levels) => {
        const topic = levels.join('/')
        const read = parseTopic(topic)
        if (read.ok) expect(read.value.deviceId).toBe(topic.split('/')[2])
      }),
    )
  })
})
