import { BridgeBatch } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPlainBatch, readBatch } from '../../src/bridge/read-batch.ts'

const message = {
  topic: 'v1/devices/d1/presence',
  payload: '{}',
  qos: 1,
  receivedAt: '2026-11-21T10:00:00.000Z',
}
const batch = (changes: object = {}) => ({
  link: 'default',
  messages: [message, { ...message, dup: true, retain: false, ...changes }],
})

/** Values that are right, nearly right and wrong. */
const anyMember = fc.oneof(
  { weight: 6, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(
      ...[null, '', 0, 1, 2, true, 'x', 'x'.repeat(1025), '2026-11-21T10:00:00Z', [], {}],
      ...['2026-02-30T10:00:00.000Z', '2026-11-21T24:00:00.000Z', '2026-11-21T10:00:00.000+01:00'],
    ),
  },
)
const changed = (whole: object, members: string[]) =>
  fc.tuple(...members.map(() => anyMember)).map((values) => {
    const given = members.flatMap((name, i) => (values[i] === undefined ? [] : [[name, values[i]]]))
    return { ...whole, ...Object.fromEntries(given) }
  })
const anyMessage = changed(message, [
  ...['topic', 'payload', 'qos', 'receivedAt', 'dup', 'retain'],
  ...['responseTopic', 'correlationData', 'payloadBase64', 'truncatedBytes', 'extra', '__proto__'],
])
const anyBatch = fc
  .tuple(
    fc.array(anyMessage, { maxLength: 3 }),
    changed({ link: 'default' }, ['link', 'messages', 'extra']),
  )
  .map(([messages, rest]) => ({ messages, ...rest }))

describe('a batch of the bridge', () => {
  it('takes the short way in its common form', () => {
    expect(isPlainBatch(batch())).toBe(true)
    expect(readBatch(batch())).toEqual(BridgeBatch.parse(batch()))
  })

  it.each([
    ['2028-02-29T23:59:59.999Z', true],
    ['2026-12-31T00:00:00.000Z', true],
    ['2026-12-31T23:59:59.999999Z', true],
    ['2026-02-29T00:00:00.000000Z', false],
    ['2026-02-29T00:00:00.000Z', false],
    ['2026-04-31T00:00:00.000Z', false],
  ])('takes it at %s as the calendar has it', (receivedAt, plain) => {
    expect(isPlainBatch(batch({ receivedAt }))).toBe(plain)
    expect(BridgeBatch.safeParse(batch({ receivedAt })).success).toBe(plain)
  })

  it('never takes the short way where the schema refuses', () => {
    fc.assert(
      fc.property(fc.oneof(anyBatch, fc.jsonValue()), (made) => {
        // As it comes: JSON, where `__proto__` is a name like any other.
        const value: unknown = JSON.parse(JSON.stringify(made))
        if (!isPlainBatch(value)) return
        expect(BridgeBatch.safeParse(value).error?.issues ?? []).toEqual([])
      }),
      { numRuns: 5_000 },
    )
  })

  it('leaves to the schema what it does not know: base64, cut payloads, no link', () => {
    const { payload: _, ...rest } = message
    const odd = {
      messages: [
        { ...rest, payloadBase64: '/w==' },
        { ...message, truncatedBytes: 9 },
      ],
    }
    expect(isPlainBatch(odd)).toBe(false)
    expect(readBatch(odd)).toMatchObject({ ...odd, link: 'default' })
  })

  it.each([
    ['no object', null, ''],
    ['no messages', { messages: [] }, '/messages'],
    ['too many', { messages: Array.from({ length: 101 }, () => message) }, '/messages'],
    ['a QoS we do not speak', batch({ qos: 2 }), '/messages/1/qos'],
    ['no topic', batch({ topic: '' }), '/messages/1/topic'],
    ['a member nobody knows', batch({ secret: 1 }), '/messages/1/secret'],
    ['a time that is none', batch({ receivedAt: 'now' }), '/messages/1/receivedAt'],
    ['a link with a slash', { ...batch(), link: 'a/b' }, '/link'],
  ])('is refused as a whole for %s, with a pointer', (_, value, pointer) => {
    expect(() => readBatch(value)).toThrow(
      expect.objectContaining({
        code: 'validation_failed',
        options: expect.objectContaining({
          errors: expect.arrayContaining([expect.objectContaining({ pointer })]),
        }),
      }),
    )
  })
})
