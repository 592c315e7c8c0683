import { describe, expect, it } from 'vitest'
import { isPresent, onlyOnlookers } from './who-is-here.ts'

const agent = { permissions: ['agents:self' as const] }
const user = { permissions: ['calls:read:own' as const] }

describe('who is at a desk', () => {
  it('is an agent by a socket that may take contacts, anybody else by any', () => {
    expect(isPresent(true, [user, agent])).toBe(true)
    expect(isPresent(true, [user])).toBe(false)
    expect(isPresent(false, [user])).toBe(true)
    expect(isPresent(false, [])).toBe(false)
  })

  it('only looks on when no socket may take contacts', () => {
    expect(onlyOnlookers([user])).toBe(true)
    expect(onlyOnlookers([user, agent])).toBe(false)
    expect(onlyOnlookers([])).toBe(false)
  })
})
