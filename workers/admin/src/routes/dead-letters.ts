import type { OpenAPIHono } from '@hono/zod-openapi'
import type { DeadLetter } from '@menagerie/contracts'
import { admin } from '@menagerie/contracts/routes'
import {
  guardRoutes,
  page,
  principalOf,
  readCursor,
  signCursor,
  verifierFor,
} from '@menagerie/core'
import { and, desc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { App } from '../context.ts'
import { deadLetters } from '../db/schema.ts'

const guarded = guardRoutes(verifierFor('admin'))

/** `GET /admin/dead-letters` — dead-letters:read. */
export function addDeadLetterRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(admin.deadLetters), async (c) => {
    const { limit, cursor, queue, status } = c.req.valid('query')
    const scope = JSON.stringify(['dead-letters', principalOf(c).id, queue ?? null, status ?? null])
    const after = cursor ? await readCursor(c.env.CURSOR_KEY, scope, cursor) : undefined
    const rows = await drizzle(c.env.DB)
      .select()
      .from(deadLetters)
      .where(
        and(
          queue ? eq(deadLetters.queue, queue) : undefined,
          status ? eq(deadLetters.status, status) : undefined,
          after
            ? sql`(${deadLetters.receivedAt}, ${deadLetters.id}) < (${String(after[0])}, ${String(after[1])})`
            : undefined,
        ),
      )
      .orderBy(desc(deadLetters.receivedAt), desc(deadLetters.id))
      .limit(limit + 1)
    const shown = rows.slice(0, limit)
    const last = shown.at(-1)
    const next =
      rows.length > limit && last
        ? await signCursor(c.env.CURSOR_KEY, scope, [last.receivedAt, last.id])
        : undefined
    return c.json(page(c, shown.map(toDeadLetter), next), 200)
  })
}

const toDeadLetter = (row: typeof deadLetters.$inferSelect): DeadLetter => ({
  ...row,
  body: JSON.parse(row.body) as unknown,
})
