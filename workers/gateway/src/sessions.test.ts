import type { Principal } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import type { Env } from './context.ts'
import { isAlive } from './sessions.ts'

const principal = (kind: Principal['kind'], sessionId: string): Principal => ({
  kind,
  id: 'somebody',
  username: '',
  sessionId,
  roles: [],
  permissions: [],
  acr: '1',
  expiresAt: 10_000,
})

/** Sessions that stand or not, and how often they were asked for. */
function sessions(alive: boolean) {
  const asked: string[] = []
  const owner = { alive: async (sessionId: string) => asked.push(sessionId) > 0 && alive }
  return { asked, env: { USER_SESSIONS: { getByName: () => owner } } as unknown as Env }
}

describe('the session of a token', () => {
  it("is asked for once in ten seconds, and each time on a critical route; an ended one isn't alive", async () => {
    const { asked, env } = sessions(true)
    const user = principal('user', 's-alive')
    for (const now of [0, 9_999]) expect(await isAlive(env, user, now, false)).toBe(true)
    expect(asked).toHaveLength(1)
    await isAlive(env, user, 9_999, true)
    await isAlive(env, user, 20_000, false)
    expect(asked).toHaveLength(3)
    expect(await isAlive(sessions(false).env, principal('user', 's-over'), 0, false)).toBe(false)
  })

  it('is none for a client that acts for itself: nobody is asked, also on a critical route', async () => {
    const { asked, env } = sessions(false)
    expect(await isAlive(env, principal('client', ''), 0, true)).toBe(true)
    expect(asked).toEqual([])
  })
})
