import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JournalEvent } from '../types.ts'
import { eventFrames, parseFrame } from './frames.ts'

const event = (seq: number, text = ''): JournalEvent => ({
  seq,
  id: `calls/1:${seq}`,
  type: 'call.status',
  version: 1,
  time: '2026-01-01T00:00:00.000Z',
  actor: 'ann',
  data: { text },
})

describe('frames of events', () => {
  it('show a lone event as itself', () => {
    const [frame] = eventFrames([event(1, 'x')])
    expect(JSON.parse(frame?.text ?? '')).toEqual({
      type: 'call.status',
      id: 'calls/1:1',
      seq: 1,
      time: '2026-01-01T00:00:00.000Z',
      actor: 'ann',
      data: { text: 'x' },
    })
  })

  it('hold every event once and in order, at most 100 and 48 KiB to a batch', () => {
    const sizes = fc.array(fc.oneof(fc.nat(300), fc.nat(60_000)), { maxLength: 250 })
    fc.assert(
      fc.property(sizes, (lengths) => {
        const frames = eventFrames(
          lengths.map((length, index) => event(index + 1, 'é'.repeat(length / 2))),
        )
        const seqs: number[] = []
        for (const { text, lastSeq } of frames) {
          const frame = JSON.parse(text)
          const events: { seq: number }[] = frame.type === 'batch' ? frame.data.events : [frame]
          if (frame.type === 'batch') {
            expect(events.length).toBeGreaterThan(1)
            expect(events.length).toBeLessThanOrEqual(100)
            expect(Buffer.byteLength(text)).toBeLessThanOrEqual(48 * 1024)
          }
          seqs.push(...events.map(({ seq }) => seq))
          expect(lastSeq).toBe(seqs.at(-1))
        }
        expect(seqs).toEqual(lengths.map((_, index) => index + 1))
      }),
      { numRuns: 40 },
    )
  })
})

describe('frames of clients', () => {
  it('are {type, id?, data?} and nothing else', () => {
    expect(parseFrame('{"type":"typing"}')).toEqual({
      ok: true,
      value: { type: 'typing', data: {} },
    })
    expect(parseFrame('{"type":"a","id":"1","data":{"b":2}}')).toEqual({
      ok: true,
      value: { type: 'a', id: '1', data: { b: 2 } },
    })
    const bad = ['null', '[]', '"x"', '{}', '{"type":1}', '{"type":""}', '{"type":"a","id":1}']
    for (const text of [...bad, '{"type":"a","data":[]}', '{"type":"a","more":1}'])
      expect(parseFrame(text)).toMatchObject({ ok: false, error: { code: 'validation_failed' } })
    expect(parseFrame('{')).toMatchObject({ ok: false, error: { code: 'malformed_json' } })
  })

  it('never throw, whatever the text', () => {
    fc.assert(fc.property(fc.oneof(fc.string(), fc.json()), (text) => void parseFrame(text)))
  })
})
