import { describe, expect, it } from 'vitest'
import { readIfMatch } from '../../src/if-match.ts'

describe('If-Match (RFC 9110 §13.1.1)', () => {
  it.each([
    [undefined, null],
    ['*', null],
    ['"7"', 7],
    [' "0" ', 0],
    // Weak tags never match here, and what is no version is none we have given.
    ['W/"7"', -1],
    ['"abc"', -1],
    ['"07"', -1],
    ['""', -1],
  ])('%j asks for version %j', (header, version) => {
    expect(readIfMatch(header)).toBe(version)
  })

  it.each(['7', '"7', '"6", "7"', ''])('%j is no entity tag that can be meant', (header) => {
    expect(() => readIfMatch(header)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    )
  })
})
