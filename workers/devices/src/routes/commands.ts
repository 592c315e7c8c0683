import type { OpenAPIHono } from '@hono/zod-openapi'
import { deviceCommands as routes } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  principalOf,
  readIdempotencyKey,
  signedList,
  verifierFor,
} from '@menagerie/core'
import { payloadFault } from '@menagerie/durable-objects/device-twin'
import { type App, settingsOf } from '../context.ts'
import { contextOf, orThrow, toAppError, twinOf } from '../twins.ts'

const guarded = guardRoutes(verifierFor('devices'))

/** A place in the list: the number of the last command that was shown. */
type CommandPosition = readonly [n: number]

/** Commands to a device, and what became of them. */
export function commandRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.send), async (c) => {
    const { id } = c.req.valid('param')
    // What was sent, and not what the schema made of it: that leaves out a member named __proto__. The twin looks as well,
    // but what nests by the thousand does not even reach it.
    const { payload = {} } = (await c.req.json()) as { payload?: unknown }
    const fault = payloadFault(payload)
    if (fault !== undefined) throw toAppError(fault)
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const asked = { key, request: c.req.valid('json') }
    const { command, replayed } = orThrow(
      await twinOf(c.env, id).sendCommand(principalOf(c), asked, contextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, command), 202)
  })

  app.openapi(guarded(routes.list), async (c) => {
    const { id } = c.req.valid('param')
    const { limit, cursor, state } = c.req.valid('query')
    const key = settingsOf(c.env).CURSOR_KEY
    const list = signedList<CommandPosition>(c, key, 'commands', [id, state ?? null])
    const [before] = (await list.after(cursor)) ?? []
    const { items, next } = orThrow(
      await twinOf(c.env, id).listCommands(principalOf(c), { state, limit, before }),
    )
    return c.json(await list.page({ items, next: next === undefined ? undefined : [next] }), 200)
  })

  app.openapi(guarded(routes.get), async (c) => {
    const { id, commandId } = c.req.valid('param')
    return c.json(
      data(c, orThrow(await twinOf(c.env, id).getCommand(principalOf(c), commandId))),
      200,
    )
  })

  app.openapi(guarded(routes.cancel), async (c) => {
    const { id, commandId } = c.req.valid('param')
    const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
    const { command, replayed } = orThrow(
      await twinOf(c.env, id).cancelCommand(principalOf(c), { key, commandId }, contextOf(c)),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, command), 200)
  })
}
