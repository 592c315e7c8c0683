import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, authenticate, data } from '@menagerie/core'
import type { App } from '../context.ts'
import { findUser } from '../db/users.ts'
import { signingKeysOf, verifier } from '../deployment.ts'
import { knownClientIds } from '../oauth/clients.ts'

/** What other Workers of ours ask over their bindings; the gateway never passes these paths on. */
export function internalRoutes(app: OpenAPIHono<App>): void {
  /** What a receiver needs to judge a token: public keys, and the clients a token may be for. Asked without a token. */
  app.get('/internal/verification', async (c) => {
    const [{ keys }, clients] = await Promise.all([
      signingKeysOf(c.env).keys(false),
      knownClientIds(c.env),
    ])
    return c.json({ keys, clients })
  })

  /** How an account's owner is reached; asked with a service token. One that was deleted or disabled is reached no more. */
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
