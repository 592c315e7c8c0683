import { describe, expect, it } from 'vitest'
import { type Bucket, fullBucket, takeToken } from './flood.ts'

describe('the flood limit', () => {
  it('lets a burst of 40 through, then 20 a second', () => {
    let bucket: Bucket | undefined = fullBucket(0)
    let let_through = 0
    for (let now = 0; bucket !== undefined; bucket = takeToken(bucket, now)) let_through += 1
    expect(let_through).toBe(41)
    const empty: Bucket = { tokens: 0, at: 0 }
    expect(takeToken(empty, 49)).toBeUndefined()
    expect(takeToken(empty, 50)).toEqual({ tokens: 0, at: 50 })
    expect(takeToken(empty, 3_600_000)?.tokens).toBe(39)
  })

  it('is not filled by a clock that goes backwards', () => {
    expect(takeToken({ tokens: 0, at: 1_000 }, 0)).toBeUndefined()
  })
})
