import { describe, expect, it } from 'vitest'
import { nextPresence, type PresenceMessage, unknownPresence } from './presence-rule.ts'

const say = (
  state: 'online' | 'offline',
  session: string | null,
  time: number | null = null,
): PresenceMessage => ({ state, session, time })

describe('presence', () => {
  const first = nextPresence(unknownPresence, say('online', 's1', 5), 100)

  it('follows what the device and its last will say', () => {
    expect(first).toEqual({ state: 'online', session: 's1', since: 100, announcedAt: 5 })
    expect(nextPresence(first, say('offline', 's1', 5), 200)).toMatchObject({
      state: 'offline',
      session: 's1',
      since: 200,
    })
    expect(nextPresence(unknownPresence, say('offline', null), 1).state).toBe('offline')
  })

  it('does not change by a retained message that comes again', () => {
    expect(nextPresence(first, say('online', 's1', 5), 300)).toBe(first)
    const off = nextPresence(first, say('offline', 's1'), 300)
    expect(nextPresence(off, say('offline', 's1'), 400)).toBe(off)
  })

  it('ignores the last will of a connection that another has followed', () => {
    const second = nextPresence(first, say('online', 's2', 9), 300)
    expect(second).toMatchObject({ state: 'online', session: 's2' })
    expect(nextPresence(second, say('offline', 's1', 5), 400)).toBe(second)
  })

  it('ignores an announcement of an ended session that the broker brings again', () => {
    const off = nextPresence(first, say('offline', 's1', 5), 300)
    expect(nextPresence(off, say('online', 's1', 5), 400)).toBe(off)
    expect(nextPresence(off, say('online', 's1', 6), 400).state).toBe('online')
    expect(nextPresence(off, say('online', 's0', 1), 400).state).toBe('online')
  })
})
