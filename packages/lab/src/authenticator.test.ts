import { expect, test } from 'vitest'
import { totpCode } from './authenticator.ts'

test('the simulated app shows the codes of RFC 6238 appendix B, in six digits', () => {
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'
  const vectors = [
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ] as const
  for (const [seconds, code] of vectors) expect(totpCode(secret, seconds * 1000)).toBe(code)
})
