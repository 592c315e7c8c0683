import type { OpenAPIHono } from '@hono/zod-openapi'
import { calls } from '@menagerie/contracts/routes'
import { data, guardRoutes, principalOf, toTraceparent, verifierFor } from '@menagerie/core'
import type { App } from '../context.ts'
import { signedHead } from '../proof-head.ts'
import { orThrow, roomOf } from '../rooms.ts'

const guarded = guardRoutes(verifierFor('communications'))
/** A longer journal is proved piece by piece. */
const MAX_EVENTS = 5_000

/** `GET /calls/{id}/proof`: what makes a copy of a call's events worth as much as the journal itself. */
export function proofRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(calls.proof), async (c) => {
    const { id } = c.req.valid('param')
    const { from, to = Number.MAX_SAFE_INTEGER } = c.req.valid('query')
    const last = Math.min(to, from + MAX_EVENTS - 1)
    const proof = orThrow(await roomOf(c.env, id).proof(principalOf(c), from, last))
    const head = await signedHead(c.env, proof, toTraceparent(c.get('trace')))
    return c.json(data(c, { ...proof, head }), 200)
  })
}
