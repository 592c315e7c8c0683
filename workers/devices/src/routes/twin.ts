import type { OpenAPIHono } from '@hono/zod-openapi'
import { devices as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  type JsonObject,
  principalOf,
  readIdempotencyKey,
  signedList,
  verifierFor,
} from '@menagerie/core'
import {
  type HistoryPosition,
  invalidPatch,
  patchFault,
} from '@menagerie/durable-objects/device-twin'
import { type App, settingsOf } from '../context.ts'
import { readIfMatch } from '../if-match.ts'
import { contextOf, etagOf, orThrow, toAppError, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/** What a device is to be, what it told, and its rules. */
export function twinRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.twin), async (c) => {
    const twin = orThrow(await twinOf(c.env, c.req.valid('param').id).twin(principalOf(c)))
    c.header('ETag', etagOf(twin.version))
    return c.json(data(c, twin), 200)
  })

  app.openapi(guarded(routes.patchTwin), async (c) => {
    const { id } = c.req.valid('param')
    const patch = c.req.valid('json')
    // The twin looks as well, but what nests by the thousand does not even reach it.
    // As it was sent: the schema's copy has lost a member named __proto__.
    const { desired } = (await c.req.json()) as { desired: JsonObject }
    const fault = patchFault(desired)
    if (fault !== undefined) throw toAppError(invalidPatch(fault))
    const command = {
      key: readIdempotencyKey(c.req.header('idempotency-key')) ?? null,
      patch,
      ifMatch: readIfMatch(c.req.header('if-match')),
    }
    const { twin, replayed } = orThrow(
      await twinOf(c.env, id).patchTwin(principalOf(c), command, contextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    c.header('ETag', etagOf(twin.version))
    return c.json(data(c, twin), 200)
  })

  app.openapi(guarded(routes.twinHistory), async (c) => {
    const { id } = c.req.valid('param')
    const { limit, cursor, ...filters } = c.req.valid('query')
    const key = settingsOf(c.env).CURSOR_KEY
    const list = signedList<HistoryPosition>(c, key, 'twin-history', [id, filters])
    const query = { ...filters, limit, before: await list.after(cursor) }
    const found = orThrow(await twinOf(c.env, id).twinHistory(principalOf(c), query))
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(routes.telemetry), async (c) => {
    const twin = twinOf(c.env, c.req.valid('param').id)
    return c.json(data(c, orThrow(await twin.telemetry(principalOf(c), c.req.valid('query')))), 200)
  })

  app.openapi(guarded(routes.presence), async (c) => {
    const twin = twinOf(c.env, c.req.valid('param').id)
    return c.json(data(c, orThrow(await twin.presence(principalOf(c)))), 200)
  })

  app.openapi(guarded(routes.rules), async (c) => {
    const twin = twinOf(c.env, c.req.valid('param').id)
    return c.json(data(c, orThrow(await twin.rules(principalOf(c)))), 200)
  })

  app.openapi(guarded(routes.putRules), async (c) => {
    const twin = twinOf(c.env, c.req.valid('param').id)
    const { rules } = c.req.valid('json')
    return c.json(data(c, orThrow(await twin.putRules(principalOf(c), rules, contextOf(c)))), 200)
  })
}
