import type { OpenAPIHono } from '@hono/zod-openapi'
import { oidc as routes } from '@menagerie/contracts/routes'
import { AppError, guardRoutes, toAppError, toTraceparent } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../context.ts'
import { signingKeysOf, verifier } from '../deployment.ts'
import { auditRefusedClient, clientNamed } from '../oauth/audit-refused-client.ts'
import { toEngine } from '../oauth/engine.ts'
import { engineRequest, formOf } from '../oauth/engine-request.ts'
import { awayMembers, isAway } from '../oauth/refusals.ts'

const guarded = guardRoutes(verifier)

/** Endpoints of programs: whatever they say they accept, they read JSON. */
const machineRoutes: readonly object[] = [
  routes.discovery,
  routes.token,
  routes.userinfo,
  routes.userinfoPost,
  routes.introspect,
  routes.revoke,
  routes.deviceAuthorization,
]

/** What the engine answers. Not by the routes' schemas: the standards say themselves what is wrong with a request. */
const engineRoutes = [
  routes.discovery,
  routes.authorize,
  routes.resume,
  routes.token,
  routes.userinfo,
  routes.userinfoPost,
  routes.introspect,
  routes.revoke,
  routes.deviceAuthorization,
  routes.endSession,
  routes.confirmEndSession,
  routes.endSessionSuccess,
  routes.device,
  routes.devicePost,
  routes.deviceResume,
] as const

/** Endpoints of clients: what they send stands in the body, never in an address, which ends in logs (RFC 6749 §2.3.1). */
const clientRoutes: readonly object[] = [
  routes.token,
  routes.introspect,
  routes.revoke,
  routes.deviceAuthorization,
]

/** Adds what stands under `/auth/realms/{realm}`, the hosted pages excepted. */
export function realmRoutes(app: OpenAPIHono<App>): void {
  // Ours, so that a key is published before it signs.
  app.openapi(guarded(routes.certs), async (c) => {
    requireRealm(c, c.req.valid('param').realm)
    const { keys } = await signingKeysOf(c.env).keys(false)
    c.header('Cache-Control', 'public, max-age=60')
    return c.json({ keys }, 200)
  })

  // A form of another site brings no cookies of ours; the address it is led on to does.
  for (const route of [routes.authorizePost, routes.endSessionPost]) {
    app.post(route.getRoutingPath(), async (c) => {
      requireRealm(c, c.req.param('realm'))
      const form = new URLSearchParams(await formOf(c.req.raw)).toString()
      if (form.length > MAX_QUERY) throw new AppError('payload_too_large', 'The form is too large')
      return c.redirect(`${new URL(c.req.url).pathname}?${form}`, 303)
    })
  }

  for (const route of engineRoutes) {
    app.on(route.method.toUpperCase(), route.getRoutingPath(), async (c) => {
      requireRealm(c, c.req.param('realm'))
      // The engine compares paths as they are written, and none of ours has anything to encode.
      if (new URL(c.req.url).pathname.includes('%')) throw nothingHere()
      if (clientRoutes.includes(route) && new URL(c.req.url).search !== '') return inAddress(c)
      const request = await engineRequest(settingsOf(c.env), c.req.raw, {
        traceparent: toTraceparent(c.get('trace')),
        requestId: c.get('requestId'),
        marksToken: route === routes.introspect || route === routes.revoke,
        readsJson: machineRoutes.includes(route),
      })
      const isClients = clientRoutes.includes(route)
      const named = isClients ? await clientNamed(request.clone()) : null
      if (named !== null) c.get('line').add({ clientId: named })
      const answer = await askEngine(c, request, machineRoutes.includes(route))
      if (answer.status === 401 && isClients) await auditRefusedClient(c, named)
      return answer
    })
  }
}

/** What a form may bring: as much as an address may have everywhere. */
const MAX_QUERY = 8 * 1024

/** Where there are no keys to sign with, whoever asks is told to come back, in the shape they read. */
async function askEngine(c: Context<App>, request: Request, readsJson: boolean): Promise<Response> {
  try {
    return await toEngine(c.env, request, c.executionCtx as ExecutionContext)
  } catch (error) {
    if (!readsJson || !(error instanceof Error) || !isAway(error)) throw error
    c.get('line').add({ errorCode: toAppError(error).code, error })
    return c.json(awayMembers, 503, { 'cache-control': 'no-store', 'retry-after': '5' })
  }
}

const nothingHere = () => new AppError('not_found', 'There is nothing here')

function requireRealm(c: Context<App>, realm: string | undefined): void {
  if (realm !== settingsOf(c.env).REALM) throw new AppError('not_found', 'There is no such realm')
}

const inAddress = (c: Context<App>): Response =>
  c.json(
    {
      error: 'invalid_request',
      error_description: 'Send the parameters in the body, not in the address',
    },
    400,
    { 'cache-control': 'no-store' },
  )
