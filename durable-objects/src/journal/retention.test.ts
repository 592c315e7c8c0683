import { expect, it } from 'vitest'
import { retentionCut } from './retention.ts'

const bounds = { base: 2, head: 10, maxEvents: 5, firstYoung: 4, firstUnsent: undefined }

it.each([
  ['the count cuts where it is stricter than the age', {}, 5],
  ['the age cuts where it is stricter than the count', { firstYoung: 9 }, 8],
  ['everything goes when all of it is old', { firstYoung: undefined }, 10],
  ['what has not left stays', { firstUnsent: 4 }, 3],
  ['the base never goes back', { maxEvents: 100, firstYoung: 1 }, 2],
  ['the base never goes back for what has not left', { firstUnsent: 1 }, 2],
])('%s', (_, change, cut) => {
  expect(retentionCut({ ...bounds, ...change })).toBe(cut)
})
