import { authenticate, clockOf, TokenVerifier } from '@menagerie/core'
import type { UserSessions } from '@menagerie/durable-objects/user-sessions'
import { sessionOf } from '@menagerie/gateway/sessions'
import { Hono } from 'hono'
import type { JSONWebKeySet } from 'jose'

export { UserSessions } from '@menagerie/durable-objects/user-sessions'

interface Env {
  JWKS: string
  ISSUER: string
  CLIENT_ID: string
  USER_SESSIONS: DurableObjectNamespace<UserSessions>
}

let made: TokenVerifier | undefined

function verifierOf(env: Env): TokenVerifier {
  made ??= new TokenVerifier({
    issuer: env.ISSUER,
    keys: {
      keys: async () => ({ ...(JSON.parse(env.JWKS) as JSONWebKeySet), clients: [env.CLIENT_ID] }),
    },
    now: () => Date.now(),
  })
  return made
}

/** The route of the peer with the verifier of ours, and once more with the gateway's look at the session. */
const app = new Hono<{ Bindings: Env }>()
app.get('/verified', async (c) => {
  const principal = await authenticate(verifierOf(c.env), c.req.header('authorization'))
  return c.json({ sub: principal.id })
})
app.get('/with-session', async (c) => {
  const principal = await authenticate(verifierOf(c.env), c.req.header('authorization'))
  const session = await sessionOf(c.env, principal, clockOf(c.env).now(), false)
  return c.json({ sub: principal.id }, session?.alive === false ? 401 : 200)
})
/** Opens the session that the token names. */
app.post('/sessions/:user/:sid', async (c) => {
  const userId = c.req.param('user')
  const opened = await c.env.USER_SESSIONS.getByName(userId).open({
    ...{ userId, sid: c.req.param('sid'), clientId: c.env.CLIENT_ID, deviceName: null, acr: '1' },
    ...{ methods: ['pwd'], scope: 'email profile', secondFactorAt: null, refreshable: true },
  })
  return c.json({ opened: opened.ok }, opened.ok ? 201 : 500)
})

export default app
