import type { OpenAPIHono } from '@hono/zod-openapi'
import type { DeadLetter } from '@menagerie/contracts'
import { admin } from '@menagerie/contracts/routes'
import { guardRoutes, pageOf, signedList, verifierFor } from '@menagerie/core'
import { and, desc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { App } from '../context.ts'
import { deadLetters } from '../db/schema.ts'

const guarded = guardRoutes(verifierFor('admin'))

type Position = readonly [receivedAt: string, id: string]

/** `GET /admin/dead-letters` — dead-letters:read. */
export function addDeadLetterRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(admin.deadLetters), async (c) => {
    const { limit, cursor, queue, status } = c.req.valid('query')
    const filters = [queue ?? null, status ?? null]
    const list = signedList<Position>(c, c.env.CURSOR_KEY, 'dead-letters', filters)
    const after = await list.after(cursor)
    const rows = await drizzle(c.env.DB)
      .select()
      .from(deadLetters)
      .where(
        and(
          queue ? eq(deadLetters.queue, queue) : undefined,
          status ? eq(deadLetters.status, status) : undefined,
          after
            ? sql`(${deadLetters.receivedAt}, ${deadLetters.id}) < (${after[0]}, ${after[1]})`
            : undefined,
        ),
      )
      .orderBy(desc(deadLetters.receivedAt), desc(deadLetters.id))
      .limit(limit + 1)
    const found = pageOf(rows, limit, toDeadLetter, ({ receivedAt, id }) => [receivedAt, id])
    return c.json(await list.page(found), 200)
  })
}

const toDeadLetter = (row: typeof deadLetters.$inferSelect): DeadLetter => ({
  ...row,
  body: JSON.parse(row.body) as unknown,
})
