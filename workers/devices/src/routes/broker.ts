import type { OpenAPIHono } from '@hono/zod-openapi'
import type { BrokerDecision } from '@menagerie/contracts'
import { bridge as routes } from '@menagerie/contracts/routes'
import { AppError, bearerToken, clockOf, secretsEqual, sha256Hex } from '@menagerie/core'
import type { MiddlewareHandler } from 'hono'
import { betterOwnersOf, decideAccess, isClientIdOf } from '../broker/decide-access.ts'
import { type App, settingsOf } from '../context.ts'
import { haveLogins, secretHashOf } from '../db/credentials.ts'

/** Lets in the broker, by its secret. */
const brokerOnly: MiddlewareHandler<App> = async (c, next) => {
  const shown = bearerToken(c.req.header('authorization')) ?? ''
  if (!(await secretsEqual(shown, settingsOf(c.env).BROKER_SECRET)))
    throw new AppError(
      'unauthorized',
      "Send the broker's secret: Authorization: Bearer <BROKER_SECRET>",
    )
  await next()
}

/** The declared route with the broker's guard in front of the checks of its body. */
const forBroker = <R extends object>(route: R): R => ({ ...route, middleware: brokerOnly })

/** What a broker asks over HTTP: who may connect, and who may do what. */
export function brokerRoutes(app: OpenAPIHono<App>): void {
  app.openapi(forBroker(routes.auth), async (c) => {
    const { username, password, clientid } = c.req.valid('json')
    if (!isClientIdOf(username, clientid)) return c.json(decision('deny'), 200)
    const { DB: db } = c.env
    const [shown, kept, isOthers] = await Promise.all([
      sha256Hex(password),
      secretHashOf(db, username, clockOf(c.env).now()),
      haveLogins(db, betterOwnersOf(username, clientid)),
    ])
    const matches = kept !== undefined && !isOthers && (await secretsEqual(shown, kept))
    return c.json(decision(matches ? 'allow' : 'deny'), 200)
  })

  app.openapi(forBroker(routes.acl), async (c) => {
    const asked = c.req.valid('json')
    if (decideAccess(asked) === 'deny') return c.json(decision('deny'), 200)
    // Who was let in before its credentials ended may do nothing any more, connected or not.
    const kept = await secretHashOf(c.env.DB, asked.username, clockOf(c.env).now())
    return c.json(decision(kept === undefined ? 'deny' : 'allow'), 200)
  })
}

const decision = (result: BrokerDecision['result']): BrokerDecision => ({
  result,
  is_superuser: false,
})
