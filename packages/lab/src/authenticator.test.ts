import { ApiError } from '@menagerie/client'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { totpCode, withSecondFactor } from './authenticator.ts'

const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

test('the simulated app shows the codes of RFC 6238 appendix B, in six digits', () => {
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

describe('what asks for a second factor', () => {
  // A moment before the next code.
  beforeEach(() => vi.useFakeTimers({ now: 1_000_019_990 }))
  afterEach(() => vi.useRealTimers())

  const refusal = (code: 'step_up_required' | 'invalid_code') =>
    new ApiError({
      ...{ type: '', title: code, status: 403, detail: code, instance: '/' },
      ...{ code, requestId: 'r' },
    })

  /** A session whose codes work once, those of this period and of the one before. */
  function sessionOf(spent: string[]) {
    let stands = false
    const shown: string[] = []
    const session = {
      stepUp: async ({ code = '' }: { code?: string | undefined }) => {
        shown.push(code)
        const now = Date.now()
        const good = [totpCode(secret, now), totpCode(secret, now - 30_000)]
        if (!good.includes(code) || spent.includes(code)) throw refusal('invalid_code')
        spent.push(code)
        stands = true
      },
    }
    const work = async () => {
      if (!stands) throw refusal('step_up_required')
      return 'done'
    }
    return { session, work, shown }
  }

  test('is done once the code was shown, which all who wait for it share', async () => {
    const { session, work, shown } = sessionOf([])
    const all = Array.from({ length: 5 }, () => withSecondFactor(session, secret, work))
    expect(await Promise.all(all)).toEqual(Array(5).fill('done'))
    expect(shown).toHaveLength(1)
  })

  test('waits for the next code where those of now were used', async () => {
    const now = Date.now()
    const { session, work } = sessionOf([totpCode(secret, now), totpCode(secret, now - 30_000)])
    const onWait = vi.fn()
    const done = withSecondFactor(session, secret, work, onWait)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(await done).toBe('done')
    expect(onWait).toHaveBeenCalledOnce()
  })
})
