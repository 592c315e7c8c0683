import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceMessage, TopicKind } from '../twin-types.ts'
import { parseMessage } from './parse-message.ts'

const now = Date.parse('2026-11-21T10:00:00Z')
const climate: TopicKind = { kind: 'telemetry', stream: 'climate' }
const door: TopicKind = { kind: 'event', name: 'door' }

const parse = (of: TopicKind, payload: unknown) =>
  parseMessage(
    {
      topic: 'v1/devices/d/x',
      of,
      payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      qos: 1,
      receivedAt: '2026-11-21T10:00:00.000Z',
    },
    'd',
    now,
  )

const codeOf = (of: TopicKind, payload: unknown) => {
  const parsed = parse(of, payload)
  return parsed.kind === 'rejected' ? parsed.code : 'taken'
}

it('what is refused for a member is told its name and those that are known', () => {
  const detailOf = (of: TopicKind, payload: unknown) => {
    const parsed = parse(of, payload)
    return parsed.kind === 'rejected' ? parsed.detail : undefined
  }
  expect(detailOf(climate, { temperature: 5 })).toBe(
    'has a member "temperature" that is not known; known are seq, epoch, time, values',
  )
  expect(detailOf({ kind: 'reported' }, { fan: 'on' })).toContain('"fan"')
  const long = detailOf({ kind: 'reported' }, { ['\ud800'.repeat(100_000)]: 1 })
  expect([long?.isWellFormed(), (long?.length ?? 0) < 600]).toEqual([true, true])
})

describe('telemetry', () => {
  it('is one sample or an array of them (contract §5)', () => {
    expect(parse(climate, { seq: 3, epoch: 2, values: { t: 1, on: true, s: 'x' } })).toEqual({
      kind: 'telemetry',
      samples: [
        { values: { t: 1, on: true, s: 'x' }, number: { epoch: 2, seq: 3 }, time: undefined },
      ],
    })
    expect(
      parse(climate, [{ values: { t: 1 }, time: '2026-11-21T10:00:00.5+01:00' }]),
    ).toMatchObject({ samples: [{ number: undefined, time: now - 3_600_000 + 500 }] })
    expect(codeOf(climate, { deviceId: 'd', values: { t: 1 } })).toBe('taken')
  })

  it.each([
    ['no values', {}],
    ['an empty array', []],
    ['no names', { values: {} }],
    ['65 names', { values: Object.fromEntries(Array.from({ length: 65 }, (_, n) => [n, n])) }],
    ['a long text', { values: { t: 'x'.repeat(257) } }],
    ['a nested value', { values: { t: [1] } }],
    ['null', { values: { t: null } }],
    ['an infinite number', '{"values":{"t":1e999}}'],
    ['a lone surrogate', '{"values":{"t":"\\ud800"}}'],
    ['a name that reaches into prototypes', '{"values":{"__proto__":1}}'],
    ['a member nobody knows', { values: { t: 1 }, unit: 'C' }],
    ['seq 0', { seq: 0, values: { t: 1 } }],
    ['a broken seq', { seq: 1.5, values: { t: 1 } }],
    ['a broken epoch', { seq: 1, epoch: '1', values: { t: 1 } }],
    ['a time that is none', { time: 'yesterday', values: { t: 1 } }],
    ['a time two days ahead', { time: '2026-11-23T10:00:00Z', values: { t: 1 } }],
    ['a number', 1],
  ])('with %s is an invalid payload', (_, payload) => {
    expect(codeOf(climate, payload)).toBe('invalid_payload')
  })

  it('of another device is refused, whatever else it says (S109)', () => {
    expect(codeOf(climate, { deviceId: 'other', values: { t: 1 } })).toBe('wrong_device')
    expect(codeOf(door, { deviceId: 'other', data: 1 })).toBe('wrong_device')
  })

  it('tells the numbers of what it refuses, where they can be read', () => {
    expect(
      parse(climate, [{ seq: 4, values: { t: null } }, { seq: 5, values: { t: 1 } }, { seq: 'x' }]),
    ).toMatchObject({
      kind: 'rejected',
      numbers: [
        { epoch: 0, seq: 4 },
        { epoch: 0, seq: 5 },
      ],
    })
  })
})

describe('any payload', () => {
  it('is taken or rejected and never throws', () => {
    const kinds = fc.constantFrom<TopicKind>(
      climate,
      door,
      { kind: 'presence' },
      { kind: 'reported' },
      { kind: 'get' },
    )
    fc.assert(
      fc.property(kinds, fc.oneof(fc.string(), fc.json(), fc.jsonValue()), (of, payload) => {
        expect(parse(of, payload as string).kind).toBeTypeOf('string')
      }),
    )
  })

  it('that nests 10,000 deep is too deep', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
    for (const payload of [deep, `{"values":${deep}}`, `{"data":${deep}}`, `{"state":${deep}}`])
      for (const of of [climate, door, { kind: 'presence' } as const])
        expect(codeOf(of, payload)).toBe('too_deep')
  })

  it('that was not sent on is too large, or no text', () => {
    const refused = (bytes: number) => {
      const message: DeviceMessage = {
        topic: 't',
        of: climate,
        payload: null,
        refused: { beginning: '', encoding: 'base64', bytes },
        qos: 1,
        receivedAt: '',
      }
      return parseMessage(message, 'd', now)
    }
    expect(refused(200_000)).toMatchObject({ code: 'too_large' })
    expect(refused(20)).toMatchObject({ code: 'malformed_json' })
  })

  it('that is empty clears a retained presence, and asks for the twin', () => {
    expect(parse({ kind: 'presence' }, '')).toEqual({ kind: 'nothing' })
    expect(parse({ kind: 'get' }, '')).toMatchObject({ kind: 'get' })
    expect(codeOf(climate, '')).toBe('malformed_json')
  })
})
