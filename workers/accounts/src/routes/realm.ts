import type { OpenAPIHono } from '@hono/zod-openapi'
import { auth as routes } from '@menagerie/contracts/routes'
import { AppError, guardRoutes } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../context.ts'
import { signingKeysOf, verifier } from '../deployment.ts'
import { clientToken } from '../sign-in/client-credentials/client-token.ts'
import { type OAuthRefusal, statusOf } from '../sign-in/client-credentials/oauth-refusal.ts'
import { readTokenRequest } from '../sign-in/client-credentials/token-request.ts'

const guarded = guardRoutes(verifier)

/** Adds what stands under `/auth/realms/{realm}`. */
export function realmRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.certs), async (c) => {
    requireRealm(c, c.req.valid('param').realm)
    const { keys } = await signingKeysOf(c.env).keys(false)
    c.header('Cache-Control', 'public, max-age=60')
    return c.json({ keys: keys }, 200)
  })

  // Not by the route's schemas: OAuth says itself what is wrong with a request, and in its own shape.
  app.post(routes.token.getRoutingPath(), async (c) => {
    requireRealm(c, c.req.param('realm'))
    const read = readTokenRequest({
      query: new URL(c.req.url).search,
      contentType: c.req.header('content-type'),
      authorization: c.req.header('authorization'),
      body: await c.req.text(),
    })
    if (!read.ok) return refuse(c, read.error)
    c.get('line').add({ clientId: read.value.clientId.slice(0, 64) })
    const answer = await clientToken(c.env, read.value)
    if (!answer.ok) return refuse(c, answer.error)
    return c.json(answer.value, 200, unkept)
  })
}

function requireRealm(c: Context<App>, realm: string | undefined): void {
  if (realm !== settingsOf(c.env).REALM) throw new AppError('not_found', 'There is no such realm')
}

/** Answers of the token endpoint are never kept (RFC 6749 §5.1). */
const unkept = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** A bare JSON error; a refused client is told how to show who it is (RFC 6749 §5.2). */
function refuse(c: Context<App>, refusal: OAuthRefusal): Response {
  const status = statusOf(refusal)
  c.get('line').add({ reason: refusal.error })
  return c.json(refusal, status, {
    ...unkept,
    ...(status === 401 ? { 'www-authenticate': 'Basic realm="menagerie", charset="UTF-8"' } : {}),
  })
}
