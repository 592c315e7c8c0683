import type { OpenAPIHono } from '@hono/zod-openapi'
import type { LogoutRequest } from '@menagerie/contracts'
import { auth as routes } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf } from '@menagerie/core'
import type { App } from '../context.ts'
import { verifier } from '../deployment.ts'
import { addressOf } from '../guard/login-guard.ts'
import { refresh, signOut } from '../sign-in/refresh.ts'
import { signIn } from '../sign-in/sign-in.ts'
import { counted, noStore } from './sign-in-answer.ts'

const guarded = guardRoutes(verifier)

/** Adds sign-in, refresh and sign-out. */
export function authRoutes(app: OpenAPIHono<App>): void {
  for (const route of [routes.login, routes.usersLogin] as const)
    app.openapi(guarded(route), async (c) => {
      const tokens = await counted(c, () =>
        signIn(c.env, c.req.valid('json'), addressOf(c), c.get('trace')),
      )
      return c.json(data(c, tokens), 200)
    })
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
