import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashId, refreshIds } from './refresh-ids.ts'
import { REFRESH_GRACE_MS } from './rotate.ts'
import { type SessionCommand, type SessionsState, upcastState } from './session-types.ts'
import { isAlive, MAX_SESSIONS, noSessions, step } from './user-sessions-state.ts'

const day = 86_400_000
const successor = (hash: string) => createHash('sha256').update(hash).digest('hex').slice(0, 12)
const open = (sid: string, lifetimeMs = 30 * day): SessionCommand => ({
  type: 'open',
  kind: 'user',
  sid,
  clientId: 'menagerie',
  deviceName: null,
  acr: '1',
  methods: ['pwd'],
  scope: 'email profile',
  secondFactorAt: null,
  refreshable: true,
  lifetimeMs,
  hash: `first-${sid}`,
})
const rotate = (sid: string, hash: string): SessionCommand => ({
  type: 'rotate',
  sid,
  hash,
  successorHash: successor(hash),
})

/** Runs commands one after another from a time on; each is given with the milliseconds that passed before it. */
function run(commands: [afterMs: number, command: SessionCommand][]) {
  let state: SessionsState = noSessions
  let now = 1_000_000
  const outcomes = commands.map(([afterMs, command]) => {
    now += afterMs
    const next = step(state, command, now)
    state = next.state
    return next.outcome
  })
  return { state, now, outcomes }
}

describe('sessions', () => {
  it('stand from their opening to their absolute end', () => {
    const { state, now } = run([[0, open('a', 1000)]])
    expect(isAlive(state, 'a', now + 999)).toBe(true)
    expect(isAlive(state, 'a', now + 1000)).toBe(false)
    expect(isAlive(state, 'b', now)).toBe(false)
  })

  it('end by a timer at their absolute end, which refreshing does not move', () => {
    const opened = step(noSessions, open('a', 1000), 5)
    expect(opened.timers).toEqual([{ type: 'timer.set', name: 'expiry:a', at: 1005 }])
    const refreshed = step(opened.state, rotate('a', 'first-a'), 500)
    expect(refreshed.timers).toEqual([])
    expect(refreshed.state.sessions.a?.expiresAt).toBe(1005)
    expect(step(refreshed.state, rotate('a', successor('first-a')), 1005)).toMatchObject({
      outcome: 'ended',
      events: [{ type: 'session.revoked', sid: 'a', reason: 'expired' }],
    })
  })

  it('make room by ending the one that was used least recently', () => {
    const commands = Array.from({ length: MAX_SESSIONS }, (_, i): [number, SessionCommand] => [
      1,
      open(`s${i}`),
    ])
    const { state } = run([...commands, [1, rotate('s0', 'first-s0')], [1, open('one-more')]])
    expect(Object.keys(state.sessions)).toHaveLength(MAX_SESSIONS)
    expect(state.sessions.s0).toBeDefined()
    expect(state.sessions.s1).toBeUndefined()
  })

  it('end once: a second revocation makes no event', () => {
    const { state } = run([
      [0, open('a')],
      [0, { type: 'revoke', sid: 'a', reason: 'logout' }],
    ])
    const again = step(state, { type: 'revoke', sid: 'a', reason: 'admin' }, 2_000_000)
    expect([again.outcome, again.events]).toEqual(['ended', []])
  })
})

describe('access tokens', () => {
  const openedAt = (now: number) => step(noSessions, open('a'), now).state
  const expired = (state: SessionsState, now: number) =>
    step(state, { type: 'expire-tokens' }, now).state

  it('are void when they were made before a change of roles, also within its second', () => {
    const state = expired(openedAt(5_000), 7_200)
    expect([6, 7, 8].map((iat) => isAlive(state, 'a', 7_300, iat))).toEqual([false, false, true])
    expect(isAlive(state, 'a', 7_300)).toBe(true)
  })

  it('are void when they were made between two changes within one second', () => {
    const state = expired(expired(openedAt(5_000), 7_200), 7_300)
    expect([8, 9].map((iat) => isAlive(state, 'a', 7_400, iat))).toEqual([false, true])
  })

  it('stay good where nothing was made void', () => {
    expect(isAlive(openedAt(5_000), 'a', 6_000, 1)).toBe(true)
  })
})

describe('a session', () => {
  const state = step(noSessions, open('a'), 5).state

  it('has the name its user gives it; the same name again changes nothing', () => {
    const named = step(state, { type: 'rename', sid: 'a', name: 'my phone' }, 6)
    expect(named.state.sessions.a?.deviceName).toBe('my phone')
    expect(named.events).toEqual([{ type: 'session.renamed', sid: 'a', name: 'my phone' }])
    expect(step(named.state, { type: 'rename', sid: 'a', name: 'my phone' }, 7).events).toEqual([])
  })

  it('remembers when a second factor was shown in it', () => {
    const { state: after } = step(state, { type: 'step-up', sid: 'a', method: 'otp' }, 6)
    expect(after.sessions.a).toMatchObject({
      acr: '2',
      methods: ['pwd', 'otp'],
      secondFactorAt: 6,
    })
  })

  it.each([
    { type: 'rename', sid: 'b', name: 'x' },
    { type: 'step-up', sid: 'b', method: 'otp' },
  ] as const)('that does not stand is not changed: $type', (command) => {
    expect(step(state, command, 6)).toMatchObject({ outcome: 'ended', events: [] })
  })

  it('stays when all others end', () => {
    const two = step(state, open('b'), 6).state
    const after = step(two, { type: 'revoke-all', except: 'b', reason: 'revoked' }, 7)
    expect(Object.keys(after.state.sessions)).toEqual(['b'])
    expect(after.events).toEqual([
      { type: 'session.revoked', sid: 'a', kind: 'user', reason: 'revoked' },
    ])
  })

  it('does not open any more once the account is erased', () => {
    const erased = step(state, { type: 'erase' }, 6)
    expect(erased.events).toMatchObject([{ sid: 'a', reason: 'deleted' }])
    expect(step(erased.state, open('b'), 7)).toMatchObject({ outcome: 'ended', events: [] })
  })

  it('of a client that has no refresh tokens ends when one is shown', () => {
    const command = { ...open('a'), refreshable: false } as SessionCommand
    const opened = step(noSessions, command, 5).state
    expect(step(opened, rotate('a', 'first-a'), 6).outcome).toBe('reused')
  })

  it('ends when another client shows its refresh token (S22)', () => {
    const shown = { ...rotate('a', 'first-a'), clientId: 'other' } as SessionCommand
    expect(step(state, shown, 6)).toMatchObject({
      outcome: 'reused',
      events: [{ type: 'session.revoked', sid: 'a', reason: 'refresh_reuse' }],
    })
  })

  it('that was kept before it knew methods and scope is read as one that began with a password', () => {
    const old = { clientId: 'menagerie', deviceName: 'x', createdAt: 1, expiresAt: 9 }
    const kept = { ...old, acr: '1' as const, current: 'h', refreshedAt: 1, recent: [] }
    const lifted = upcastState({ sessions: { a: kept } })
    expect(lifted).toMatchObject({ notBefore: 0, erased: false })
    expect(lifted.sessions.a).toEqual({
      ...kept,
      kind: 'user',
      methods: ['pwd'],
      scope: 'email profile',
      secondFactorAt: null,
      refreshable: true,
    })
    expect(isAlive(lifted, 'a', 8, 1)).toBe(true)
    expect(upcastState(lifted)).toBe(lifted)
  })
})

describe('refresh families', () => {
  it('end with a token that never was one of theirs, since it was signed by us all the same', () => {
    const { outcomes } = run([
      [0, open('a')],
      [0, rotate('a', 'unknown')],
      [0, rotate('a', 'first-a')],
    ])
    expect(outcomes).toEqual(['done', 'reused', 'ended'])
  })

  it('take a repeat up to ten seconds after the first use, and no later', () => {
    const first = rotate('a', 'first-a')
    expect(
      run([
        [0, open('a')],
        [0, first],
        [REFRESH_GRACE_MS, first],
      ]).outcomes[2],
    ).toBe('done')
    expect(
      run([
        [0, open('a')],
        [0, first],
        [REFRESH_GRACE_MS + 1, first],
      ]).outcomes[2],
    ).toBe('reused')
  })

  it('do not grow without bound under a client in a loop', () => {
    const commands: [number, SessionCommand][] = [[0, open('a')]]
    for (let i = 0, hash = 'first-a'; i < 33; i++, hash = successor(hash))
      commands.push([1, rotate('a', hash)])
    const { state, now, outcomes } = run(commands)
    expect(outcomes.at(32)).toBe('done')
    expect(outcomes.at(33)).toBe('too_fast')
    const later = step(
      state,
      rotate('a', state.sessions.a?.current ?? ''),
      now + 2 * REFRESH_GRACE_MS,
    )
    expect(later.outcome).toBe('done')
    expect(later.state.sessions.a?.recent).toHaveLength(1)
  })

  it('have one live token, whatever is shown in whatever order (property)', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ afterMs: fc.nat(15_000), back: fc.nat(4) }), { maxLength: 60 }),
        (shown) => {
          let { state, now } = run([[0, open('a')]])
          const line = ['first-a']
          const rotatedAt = new Map<string, number>()
          let ended = false
          for (const { afterMs, back } of shown) {
            now += afterMs
            const hash = line.at(-1 - back) ?? 'first-a'
            const current = hash === line.at(-1)
            const used = rotatedAt.get(hash)
            const next = step(state, rotate('a', hash), now)
            state = next.state
            if (ended) expect(next.outcome).toBe('ended')
            else if (current) {
              expect(next.outcome).toBe('done')
              rotatedAt.set(hash, now)
              line.push(successor(hash))
            } else if (used !== undefined && now - used <= REFRESH_GRACE_MS) {
              expect([next.outcome, next.events]).toEqual(['done', []])
            } else {
              expect(next.outcome).toBe('reused')
              ended = true
            }
            expect(isAlive(state, 'a', now)).toBe(!ended)
            if (!ended) expect(state.sessions.a?.current).toBe(line.at(-1))
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('ids of refresh tokens', () => {
  it('are told by the one before and the key, and by nothing less', () => {
    const ids = refreshIds('a secret')
    expect(ids.after(ids.first('a'))).toBe(ids.after(ids.first('a')))
    expect(
      new Set([ids.first('a'), ids.first('b'), ids.after('a'), refreshIds('b').first('a')]).size,
    ).toBe(4)
    expect(hashId('x')).toMatch(/^[0-9a-f]{64}$/)
  })
})
