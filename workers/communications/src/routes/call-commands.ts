import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Call } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf, readIdempotencyKey, verifierFor } from '@menagerie/core'
import type { CallCommand } from '@menagerie/durable-objects/call-room'
import type { Context } from 'hono'
import type { App } from '../context.ts'
import { contextOf, orThrow, roomOf } from '../rooms.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** What somebody asks of a call that goes on. Sockets take the same commands as frames. */
export function callCommandRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(calls.answer), async (c) =>
    c.json(data(c, await obey(c, { type: 'answer', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.reject), async (c) =>
    c.json(data(c, await obey(c, { type: 'reject', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.hangup), async (c) =>
    c.json(data(c, await obey(c, { type: 'hangup', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.hold), async (c) =>
    c.json(data(c, await obey(c, { type: 'hold', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.resume), async (c) =>
    c.json(data(c, await obey(c, { type: 'resume', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.transfer), async (c) =>
    c.json(data(c, await obey(c, { type: 'transfer', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.dtmf), async (c) =>
    c.json(data(c, await obey(c, { type: 'dtmf', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.disposition), async (c) =>
    c.json(data(c, await obey(c, { type: 'disposition', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.requeue), async (c) =>
    c.json(data(c, await obey(c, { type: 'requeue', ...c.req.valid('json') })), 202),
  )
  app.openapi(guarded(calls.removeParticipant), async (c) => {
    const { participantId } = c.req.valid('param')
    return c.json(data(c, await obey(c, { type: 'remove', participantId })), 200)
  })
}

/** Has the room do it. @throws AppError for a refusal */
async function obey(c: Context<App>, command: CallCommand): Promise<Call> {
  const room = roomOf(c.env, c.req.param('id') ?? '')
  const key = readIdempotencyKey(c.req.header('idempotency-key')) ?? null
  const request = { command, key, source: 'http' } as const
  const { call, replayed } = orThrow(await room.obey(principalOf(c), request, contextOf(c)))
  if (replayed) c.header('Idempotent-Replayed', 'true')
  return call
}
