import { users } from '@menagerie/contracts/routes'
import { expect, test } from 'vitest'
import { createSession } from './session.ts'
import type { SessionTokens } from './session-tokens.ts'

/** An accounts service of twenty lines: numbers its tokens, knows which is good. */
function accounts() {
  const served = {
    refreshes: 0,
    logouts: 0,
    good: '',
    refreshAnswers: 200,
    down: false,
    /** Runs before a refresh is answered. */
    beforeRefresh: undefined as (() => Promise<void>) | undefined,
  }
  let count = 0
  const answer = (status: number, body?: unknown) =>
    new Response(body === undefined ? null : JSON.stringify(body), {
      status,
      headers: { 'content-type': status < 400 ? 'application/json' : 'application/problem+json' },
    })
  const problem = (status: number, code: string) =>
    answer(status, {
      type: 'about:blank',
      title: code,
      status,
      detail: code,
      instance: '/',
      code,
      requestId: 'r',
    })
  const tokens = () => {
    count += 1
    served.good = `access-${count}`
    return answer(200, {
      data: {
        access_token: served.good,
        token_type: 'Bearer',
        expires_in: 900,
        refresh_token: `refresh-${count}`,
        refresh_expires_in: 86_400,
        scope: 'email profile',
        session_state: '019aa5b8-7c00-7000-8000-000000000001',
      },
      meta: { requestId: 'r' },
    })
  }
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    if (served.down) throw new TypeError('fetch failed')
    switch (new URL(request.url).pathname) {
      case '/auth/login':
        return tokens()
      case '/auth/mfa/verify':
        return tokens()
      case '/auth/step-up':
        served.good = 'stepped-up'
        return answer(200, {
          data: {
            access_token: served.good,
            token_type: 'Bearer',
            expires_in: 900,
            scope: 'email profile',
            session_state: '019aa5b8-7c00-7000-8000-000000000001',
            step_up_expires_in: 300,
          },
          meta: { requestId: 'r' },
        })
      case '/auth/refresh':
        served.refreshes += 1
        await served.beforeRefresh?.()
        return served.refreshAnswers === 200
          ? tokens()
          : problem(
              served.refreshAnswers,
              served.refreshAnswers === 400 ? 'invalid_grant' : 'unavailable',
            )
      case '/auth/logout':
        served.logouts += 1
        return answer(204)
      default:
        return request.headers.get('authorization') === `Bearer ${served.good}`
          ? answer(200, { data: {}, meta: { requestId: 'r' } })
          : problem(401, 'unauthorized')
    }
  }
  return { served, fetch }
}

async function signedIn() {
  const clock = { now: 1_000_000 }
  const changes: (SessionTokens | undefined)[] = []
  const { served, fetch } = accounts()
  const session = createSession({
    baseUrl: 'http://api.test',
    fetch,
    now: () => clock.now,
    onChange: (tokens) => changes.push(tokens),
  })
  await session.signIn({ username: 'ada', password: 'correct horse' })
  return { session, served, clock, changes }
}

test('a session signs in and calls with its token', async () => {
  const { session, served } = await signedIn()
  await session.client.call(users.profile)
  expect(session.tokens).toMatchObject({
    accessToken: 'access-1',
    refreshToken: 'refresh-1',
    accessExpiresAt: 1_900_000,
  })
  expect(served.refreshes).toBe(0)
})

test('many requests shortly before the end cause one refresh', async () => {
  const { session, served, clock } = await signedIn()
  clock.now += 880_000
  await Promise.all(Array.from({ length: 20 }, () => session.client.call(users.profile)))
  expect(served.refreshes).toBe(1)
  expect(session.tokens?.refreshToken).toBe('refresh-2')
})

test('many requests answered 401 at a time cause one refresh', async () => {
  const { session, served } = await signedIn()
  served.good = 'revoked'
  await Promise.all(Array.from({ length: 20 }, () => session.client.call(users.profile)))
  expect(served.refreshes).toBe(1)
})

test('a refused refresh token ends the session', async () => {
  const { session, served, changes } = await signedIn()
  served.good = 'revoked'
  served.refreshAnswers = 400
  await expect(session.client.call(users.profile)).rejects.toMatchObject({ code: 'unauthorized' })
  expect(session.tokens).toBeUndefined()
  expect(changes.at(-1)).toBeUndefined()
})

test('a service that is down does not end the session', async () => {
  const { session, served, clock } = await signedIn()
  clock.now += 880_000
  served.refreshAnswers = 503
  // The token in hand is good for 20 s more.
  await session.client.call(users.profile)
  clock.now += 20_000
  await expect(session.client.call(users.profile)).rejects.toMatchObject({ code: 'unavailable' })
  served.refreshAnswers = 200
  await session.client.call(users.profile)
  expect(session.tokens?.refreshToken).toBe('refresh-2')
})

test('signing in while an old refresh is under way keeps the new tokens', async () => {
  const { session, clock } = await signedIn()
  clock.now += 880_000
  const old = session.token()
  await session.signIn({ username: 'grace', password: 'correct horse' })
  const kept = session.tokens
  await old
  expect(session.tokens).toBe(kept)
})

test('signing out ends the session here even when the server is not reached', async () => {
  const reached = await signedIn()
  await reached.session.signOut()
  expect(reached.served.logouts).toBe(1)
  expect(reached.session.tokens).toBeUndefined()

  const unreached = await signedIn()
  unreached.served.down = true
  await expect(unreached.session.signOut()).rejects.toThrow('fetch failed')
  expect(unreached.session.tokens).toBeUndefined()
})

test('finishes a sign-in with a second factor', async () => {
  const { fetch } = accounts()
  const session = createSession({ baseUrl: 'http://api.test', fetch })
  await session.finishSignIn({ mfaToken: 'x'.repeat(32), method: 'totp', code: '123456' })
  expect(session.tokens?.accessToken).toBe('access-1')
})

test('goes on with the access token of a step-up and the refresh token it has', async () => {
  const { session } = await signedIn()
  const before = session.tokens
  await session.stepUp({ method: 'totp', code: '123456' })
  expect(session.tokens).toMatchObject({
    accessToken: 'stepped-up',
    refreshToken: before?.refreshToken,
  })
  await expect(session.client.call(users.profile)).resolves.toBeDefined()
})

test('keeps the refresh token that a refresh brings while somebody steps up', async () => {
  const { session, served } = await signedIn()
  const old = session.tokens
  served.beforeRefresh = () => session.stepUp({ method: 'totp', code: '123456' })
  await session.renew(old?.accessToken ?? '')
  expect(session.tokens?.refreshToken).not.toBe(old?.refreshToken)
})
