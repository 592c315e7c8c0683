import fc from 'fast-check'
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

/** A connection of a device: its announcement, and how it ended. */
interface Connection {
  session: string
  /** The device's clock, which may have been set back since the one before. */
  time: number
  end: 'will' | 'clean'
}

const announced = ({ session, time }: Connection) => say('online', session, time)
const ended = ({ session, time, end }: Connection) =>
  say('offline', session, end === 'will' ? time : time + 5)

describe('presence, whatever the broker repeats and in whatever order', () => {
  const connections = fc
    .array(
      fc.record({
        time: fc.integer({ min: 0, max: 1_000 }),
        end: fc.constantFrom('will' as const, 'clean' as const),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((all) => all.map((one, index): Connection => ({ ...one, session: `s${index}` })))
  /** Indexes of messages that come again, and where. */
  const repeats = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 20 })

  /** What comes in: each message at its place, and again at any later one. */
  function inTurn(messages: PresenceMessage[], again: [number, number][]): PresenceMessage[] {
    const came = messages.map((message) => [message])
    for (const [which, where] of again) {
      const index = which % messages.length
      const message = messages[index]
      if (message === undefined) continue
      came[index + (where % (messages.length - index))]?.push(message)
    }
    return came.flat()
  }
  const comeTo = (messages: PresenceMessage[]) =>
    messages.reduce((now, message, index) => nextPresence(now, message, index), unknownPresence)

  it('is what the last connection says, when each begins before or after the one before it has ended', () => {
    fc.assert(
      fc.property(
        connections,
        repeats,
        fc.boolean(),
        fc.boolean(),
        (all, again, overlaps, open) => {
          const messages: PresenceMessage[] = []
          const late: Connection[] = []
          for (const [index, one] of all.entries()) {
            const isLast = index === all.length - 1
            messages.push(announced(one))
            for (const before of late.splice(0)) messages.push(ended(before))
            if (isLast && open) continue
            // A connection that was lost is noticed after the next one has come.
            if (overlaps && !isLast) late.push(one)
            else messages.push(ended(one))
          }
          const presence = comeTo(inTurn(messages, again))
          expect(presence.state).toBe(open ? 'online' : 'offline')
          expect(presence.session).toBe(all.at(-1)?.session)
          expect(presence.past?.length ?? 0).toBeLessThanOrEqual(8)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it('does not come online by an announcement that comes after the end of its own session', () => {
    fc.assert(
      fc.property(connections, (all) => {
        const [first, ...others] = all
        if (first === undefined) return
        const messages = [
          announced(first),
          ...others.flatMap((one) => [ended(one), announced(one)]),
        ]
        expect(comeTo(messages)).toMatchObject({ state: 'online', session: first.session })
      }),
    )
  })
})
