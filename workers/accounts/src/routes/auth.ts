import type { OpenAPIHono } from '@hono/zod-openapi'
import type { LoginRequest, LogoutRequest } from '@menagerie/contracts'
import { auth as routes } from '@menagerie/contracts/routes'
import { AppError, data, guardRoutes, principalOf } from '@menagerie/core'
import type { Context } from 'hono'
import type { App } from '../context.ts'
import { verifier } from '../deployment.ts'
import { wakeSweeper } from '../outbox.ts'
import { refresh, signOut } from '../sign-in/refresh.ts'
import { signIn } from '../sign-in/sign-in.ts'

const guarded = guardRoutes(verifier)

/** Adds sign-in, refresh and sign-out. */
export function authRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.login), async (c) => c.json(await login(c, c.req.valid('json')), 200))
  app.openapi(guarded(routes.usersLogin), async (c) =>
    c.json(await login(c, c.req.valid('json')), 200),
  )
  app.openapi(guarded(routes.refresh), async (c) => {
    const { refresh_token } = c.req.valid('json')
    noStore(c)
    return c.json(data(c, await refresh(c.env, refresh_token, c.get('trace'))), 200)
  })
  app.openapi(guarded(routes.logout), async (c) => {
    const body: LogoutRequest | undefined = c.req.valid('json')
    await signOut(c.env, principalOf(c), body?.refresh_token, c.get('trace'))
    return c.body(null, 204)
  })
}

/** Both sign-in paths. The result is counted on the request's line. */
async function login(c: Context<App>, body: LoginRequest) {
  noStore(c)
  try {
    const tokens = await signIn(c.env, body, c.get('trace'))
    c.get('line').count('sign_ins_total', { result: 'success' })
    return data(c, tokens)
  } catch (error) {
    const code = error instanceof AppError ? error.code : 'internal_error'
    c.get('line').count('sign_ins_total', { result: code })
    if (code === 'invalid_credentials') c.executionCtx.waitUntil(wakeSweeper(c.env))
    throw error
  }
}

/** Answers with tokens are never kept (RFC 6749 §5.1). */
const noStore = (c: Context<App>): void => c.header('Cache-Control', 'no-store')
