import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, authenticate, data } from '@menagerie/core'
import type { App } from '../context.ts'
import { findUser } from '../db/users.ts'
import { verifier } from '../deployment.ts'

/** What other Workers of ours ask, with a service token; the gateway never passes these paths on. */
export function internalRoutes(app: OpenAPIHono<App>): void {
  /** How an account's owner is reached. One that was deleted or disabled is reached no more. */
  app.get('/internal/contacts/:userId', async (c) => {
    const principal = await authenticate(verifier(c.env), c.req.header('authorization'))
    if (principal.kind !== 'service') throw new AppError('not_found', 'There is nothing here')
    const user = await findUser(c.env.DB, c.req.param('userId'))
    if (user === undefined || user.status === 'disabled')
      throw new AppError('not_found', 'There is no such account')
    const { email, emailVerified, phoneNumber, phoneNumberVerified } = user
    const { displayName, locale, timeZone } = user
    return c.json(
      data(c, {
        email,
        emailVerified,
        phoneNumber,
        phoneNumberVerified,
        displayName,
        locale,
        timeZone,
      }),
    )
  })
}
