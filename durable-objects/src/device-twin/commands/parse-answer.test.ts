import type { JsonValue } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import { parseAnswer } from './parse-answer.ts'

const parse = (type: 'ack' | 'progress' | 'result', value: unknown) =>
  parseAnswer(type, value as JsonValue, 'd1')
const read = (type: 'ack' | 'progress' | 'result', value: unknown) => {
  const parsed = parse(type, value)
  return parsed.ok ? parsed.value : parsed.error.code
}
const deep = (levels: number): unknown => (levels === 0 ? 1 : { in: deep(levels - 1) })

describe('what a device answers', () => {
  it('confirms or refuses by an ack', () => {
    for (const value of [{}, { status: 'accepted' }, { status: 'ok', deviceId: 'd1' }])
      expect(read('ack', value)).toEqual({ type: 'ack', refused: null })
    expect(read('ack', { status: 'rejected' })).toEqual({
      type: 'ack',
      refused: { code: 'rejected', message: null },
    })
  })

  it('may tell why in a text or with a code', () => {
    expect(read('result', { status: 'failed', error: 'jammed' })).toMatchObject({
      failed: { code: 'failed', message: 'jammed' },
    })
    expect(read('result', { status: 'failed', error: { code: 'E7', message: 'x' } })).toMatchObject(
      { failed: { code: 'E7', message: 'x' } },
    )
    for (const error of [7, [], { code: 7 }, { code: '' }, { message: {} }, 'x'.repeat(1025)])
      expect(read('result', { status: 'failed', error })).toBe('invalid_payload')
    expect(read('result', { status: 'failed', error: '\ud800' })).toBe('invalid_payload')
  })

  it('succeeds or fails by a result, and by nothing else', () => {
    expect(read('result', { status: 'succeeded', result: [1] })).toEqual({
      type: 'result',
      result: [1],
      failed: null,
    })
    for (const value of [{}, { status: 'done' }, 'succeeded', null, { status: 'succeeded', x: 1 }])
      expect(read('result', value)).toBe('invalid_payload')
  })

  it('tells its progress as it likes', () => {
    for (const value of [50, 'half', { percent: 50 }, null])
      expect(read('progress', value)).toEqual({ type: 'progress', progress: value })
  })

  it('holds at most 8 KiB and 8 levels of what can be stored, and names no other device', () => {
    expect(parse('result', { status: 'succeeded', result: 'x'.repeat(8190) }).ok).toBe(true)
    expect(read('result', { status: 'succeeded', result: 'x'.repeat(8191) })).toBe('too_large')
    expect(parse('progress', deep(8)).ok).toBe(true)
    expect(read('progress', deep(9))).toBe('too_deep')
    expect(read('progress', JSON.parse('{"__proto__":1}'))).toBe('invalid_payload')
    for (const type of ['ack', 'progress', 'result'] as const)
      expect(read(type, { status: 'succeeded', deviceId: 'd2' })).toBe('wrong_device')
  })
})
