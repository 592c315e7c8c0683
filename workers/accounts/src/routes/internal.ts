import type { OpenAPIHono } from '@hono/zod-openapi'
import { AppError, authenticate, clockOf, data, fieldErrors, toTimestamp } from '@menagerie/core'
import type { App } from '../context.ts'
import { findUser } from '../db/users.ts'
import { signingKeysOf, verifier } from '../deployment.ts'
import { knownClientIds } from '../oauth/clients.ts'
import { ProofHeadRequest, signProofHead } from '../tokens/proof-head.ts'

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

  /** Signs the head of a journal for the Worker that owns its object. */
  app.post('/internal/proof-heads', async (c) => {
    const principal = await authenticate(verifier(c.env), c.req.header('authorization'))
    if (principal.kind !== 'service') throw new AppError('not_found', 'There is nothing here')
    const asked = ProofHeadRequest.safeParse(await c.req.json().catch(() => undefined))
    if (!asked.success)
      throw new AppError('validation_failed', 'The head is {object, seq, hash}', {
        errors: fieldErrors(asked.error.issues, 'json'),
      })
    const time = toTimestamp(clockOf(c.env).now())
    const keys = await signingKeysOf(c.env).current()
    return c.json(data(c, { head: await signProofHead(asked.data, principal.id, time, keys) }))
  })
}
