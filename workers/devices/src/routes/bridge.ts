import type { OpenAPIHono } from '@hono/zod-openapi'
import { bridge as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  clockOf,
  data,
  guard,
  guardRoutes,
  type Principal,
  principalOf,
  upgradeFor,
  verifierFor,
} from '@menagerie/core'
import type { Context } from 'hono'
import { readBatch } from '../bridge/read-batch.ts'
import { recordRejected } from '../bridge/record-rejected.ts'
import { takeBatch } from '../bridge/take-batch.ts'
import type { App } from '../context.ts'
import { wakeSweeper } from '../outbox.ts'
import { contextOf, linkOf, twinOf } from '../twins.ts'

const verifier = verifierFor('devices')
const guarded = guardRoutes(verifier)

/** Between the broker's bridge and the edge: an OAuth client with `devices:bridge`, never a person (S114). */
export function bridgeRoutes(app: OpenAPIHono<App>): void {
  // Not by the route's schema: see `isPlainBatch`.
  app.post(routes.messages.path, guard(verifier, routes.messages.policy), async (c) => {
    requireClient(c)
    const batch = readBatch(await readJson(c))
    const context = contextOf(c)
    const { results, acks, rejections, failing, devices } = await takeBatch(
      batch,
      (deviceId, messages) => twinOf(c.env, deviceId).take(batch.link, messages, context),
      (deviceId, messages) => linkOf(c.env, batch.link).hold(deviceId, messages),
    )
    c.get('line').add({ messages: results.length, devices, rejected: rejections.length })
    if (failing.length > 0) c.get('line').raise('warn').add({ failing })
    if (rejections.length > 0) {
      await recordRejected(c.env.DB, rejections, clockOf(c.env).now(), context.traceparent)
      c.executionCtx.waitUntil(wakeSweeper(c.env))
    }
    return c.json(data(c, { results, acks }), 200)
  })

  app.openapi(guarded(routes.socket), async (c) => {
    const { expiresAt } = requireClient(c)
    const request = upgradeFor(c)
    request.headers.set('x-menagerie-token-expires', String(expiresAt))
    return (await linkOf(c.env, c.req.valid('query').link).fetch(request)) as never
  })
}

/** @throws AppError `forbidden`; people may hold the role, and still are no bridge */
function requireClient(c: Context<App>): Principal {
  const principal = principalOf(c)
  if (principal.kind === 'client') return principal
  throw new AppError('forbidden', 'This is for the bridge: use its own client_credentials token')
}

async function readJson(c: Context<App>): Promise<unknown> {
  if (!/^application\/json\s*(?:;|$)/i.test(c.req.header('content-type') ?? ''))
    throw new AppError('unsupported_media_type', 'Send Content-Type: application/json')
  try {
    return await c.req.json()
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new AppError('malformed_json', 'The body is not valid JSON')
  }
}
