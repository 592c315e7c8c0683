import { getRounds } from 'bcryptjs'
import { describe, expect, it } from 'vitest'
import { checkPassword, dummyHash, hashPassword } from '../src/passwords.ts'

describe('passwords', () => {
  it('of nobody are compared with a whole hash of the same cost, and never match', async () => {
    for (const cost of [4, 12]) {
      // bcryptjs answers at once for a hash of another length, which the time would tell.
      expect(dummyHash(cost)).toHaveLength(60)
      expect(getRounds(dummyHash(cost))).toBe(cost)
    }
    expect(await checkPassword('anything', undefined, 4)).toEqual({ matches: false })
  })

  it('beyond 72 bytes never match, although bcrypt would take them for their beginning', async () => {
    const password = 'x'.repeat(72)
    const stored = await hashPassword(password, 4)
    expect(await checkPassword(password, stored, 4)).toEqual({ matches: true })
    expect(await checkPassword(`${password}y`, stored, 4)).toEqual({ matches: false })
  })

  it('are hashed anew where the cost has changed', async () => {
    const check = await checkPassword('a password', await hashPassword('a password', 5), 4)
    expect(check.matches).toBe(true)
    expect(getRounds(check.rehashed ?? '')).toBe(4)
  })
})
