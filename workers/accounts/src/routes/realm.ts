import type { OpenAPIHono } from '@hono/zod-openapi'
import { auth as routes } from '@menagerie/contracts/routes'
import { AppError, guardRoutes } from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import { signingKeysOf, verifier } from '../deployment.ts'

const guarded = guardRoutes(verifier)

/** Adds what stands under `/auth/realms/{realm}`. */
export function realmRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.certs), async (c) => {
    const { realm } = c.req.valid('param')
    if (realm !== settingsOf(c.env).REALM) throw new AppError('not_found', 'There is no such realm')
    const { keys } = await signingKeysOf(c.env).keys(false)
    c.header('Cache-Control', 'public, max-age=60')
    return c.json({ keys: keys }, 200)
  })
}
