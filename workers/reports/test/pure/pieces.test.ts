import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BUCKET_MS, cutAtBuckets } from '../../src/history/pieces.ts'

test('pieces are the interval, whole ones on borders of buckets and edges shorter than one', () => {
  const moment = fc.integer({ min: 0, max: 6 * BUCKET_MS })
  fc.assert(
    fc.property(moment, moment, (a, b) => {
      const interval = { start: Math.min(a, b), end: Math.max(a, b) + 1 }
      const { whole, edges } = cutAtBuckets([interval])
      const pieces = [...whole, ...edges].sort((x, y) => x[1] - y[1])
      expect(pieces[0]?.[1]).toBe(interval.start)
      expect(pieces.at(-1)?.[2]).toBe(interval.end)
      for (const [index, piece] of pieces.entries())
        if (index > 0) expect(piece[1]).toBe(pieces[index - 1]?.[2])
      expect(whole.flat().every((at) => at % BUCKET_MS === 0)).toBe(true)
      expect(edges.every(([, from, to]) => to - from < BUCKET_MS)).toBe(true)
    }),
  )
})
