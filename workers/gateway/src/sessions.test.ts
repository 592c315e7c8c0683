import type { AppError, Principal } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import type { Env } from './context.ts'
import { forget, requireStepUp, sessionOf } from './sessions.ts'

const principal = (sessionId: string, changes: Partial<Principal> = {}): Principal => ({
  kind: 'user',
  id: 'somebody',
  username: '',
  sessionId,
  clientId: 'menagerie',
  roles: [],
  permissions: [],
  acr: '1',
  issuedAt: 5_000,
  expiresAt: 1_000_000,
  ...changes,
})

/** A session, and what its owner was asked. @param validFrom the first `iat` that is not void, seconds */
function sessions(alive: boolean, validFrom = 0) {
  const asked: [string, number][] = []
  const owner = {
    check: async (sessionId: string, issuedAt: number) => {
      asked.push([sessionId, issuedAt])
      return { alive: alive && issuedAt >= validFrom, secondFactorAt: null }
    },
  }
  return { asked, env: { USER_SESSIONS: { getByName: () => owner } } as unknown as Env }
}

describe('the session of a token', () => {
  it("is asked for once in eight seconds, and each time on a critical route; an ended one isn't alive", async () => {
    const { asked, env } = sessions(true)
    const user = principal('s-alive')
    for (const now of [0, 7_999])
      expect((await sessionOf(env, user, now, false))?.alive).not.toBe(false)
    expect(asked).toEqual([['s-alive', 5]])
    await sessionOf(env, user, 7_999, true)
    await sessionOf(env, user, 20_000, false)
    expect(asked).toHaveLength(3)
    const over = principal('s-over')
    expect(await sessionOf(sessions(false).env, over, 0, false)).toMatchObject({ alive: false })
  })

  it('is asked for again for an older token: what a newer one may says nothing of it (S17)', async () => {
    const { env, asked } = sessions(true, 7)
    const [older, newer] = [
      principal('s-two', { issuedAt: 6_000 }),
      principal('s-two', { issuedAt: 7_000 }),
    ]
    expect(await sessionOf(env, newer, 0, false)).toMatchObject({ alive: true })
    expect(await sessionOf(env, older, 1, false)).toMatchObject({ alive: false })
    expect(asked).toHaveLength(2)
  })

  it('is asked for of a client that acts for itself too', async () => {
    const { asked, env } = sessions(false)
    const client = principal('s-client', { kind: 'client' })
    expect(await sessionOf(env, client, 0, false)).toMatchObject({ alive: false })
    expect(asked).toHaveLength(1)
  })

  it('is not trusted a moment longer once it was revoked', async () => {
    const { asked, env } = sessions(true)
    await sessionOf(env, principal('s-gone'), 0, false)
    forget('s-gone')
    await sessionOf(env, principal('s-gone'), 1, false)
    expect(asked).toHaveLength(2)
  })
})

describe('a second factor', () => {
  const shown = { alive: true, secondFactorAt: 1_000 }
  const refusal = (user: Principal, session: typeof shown | undefined, now: number) => {
    try {
      requireStepUp(user, session, now)
      return undefined
    } catch (error) {
      return error as AppError
    }
  }

  it('is good for five minutes, in the session it was shown in and with a token that says so', () => {
    const user = principal('s', { acr: '2' })
    expect(refusal(user, shown, 301_000)).toBeUndefined()
    for (const [who, session, now] of [
      [user, shown, 301_001],
      [user, undefined, 2_000],
      [principal('s'), shown, 2_000],
      [principal('s', { kind: 'client' }), shown, 2_000],
    ] as const)
      expect(refusal(who, session, now)).toMatchObject({
        code: 'step_up_required',
        status: 403,
        options: { members: { maxAgeSeconds: 300 } },
      })
  })
})
