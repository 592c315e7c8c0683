import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AuditQuery, AuditRecord } from '@menagerie/contracts'
import { admin } from '@menagerie/contracts/routes'
import { guardRoutes, pageOf, signedList, verifierFor } from '@menagerie/core'
import { and, desc, eq, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import type { App } from '../context.ts'
import { auditEvents } from '../db/schema.ts'

const guarded = guardRoutes(verifierFor('admin'))

type Position = readonly [at: string, id: string]

/** `GET /admin/audit` — audit:read. */
export function addAuditRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(admin.audit), async (c) => {
    const query = c.req.valid('query')
    const { limit, cursor, action, actorId, targetId } = query
    const filters = [action ?? null, actorId ?? null, targetId ?? null]
    const list = signedList<Position>(c, c.env.CURSOR_KEY, 'audit', filters)
    const rows = await auditStatement(c.env.DB, query, await list.after(cursor))
    return c.json(await list.page(pageOf(rows, limit, toRecord, ({ at, id }) => [at, id])), 200)
  })
}

/** A page and one row more, newest first: each filter has an index in that order. */
export const auditStatement = (
  db: D1Database,
  { limit, action, actorId, targetId }: AuditQuery,
  after: Position | undefined,
) =>
  drizzle(db)
    .select()
    .from(auditEvents)
    .where(
      and(
        action ? eq(auditEvents.action, action) : undefined,
        actorId ? eq(auditEvents.actorId, actorId) : undefined,
        targetId ? eq(auditEvents.targetId, targetId) : undefined,
        after
          ? sql`(${auditEvents.at}, ${auditEvents.id}) < (${after[0]}, ${after[1]})`
          : undefined,
      ),
    )
    .orderBy(desc(auditEvents.at), desc(auditEvents.id))
    .limit(limit + 1)

const toRecord = ({
  actorKind,
  actorId,
  targetKind,
  targetId,
  ...row
}: typeof auditEvents.$inferSelect): AuditRecord => ({
  ...row,
  actor: { kind: actorKind, id: actorId },
  target: { kind: targetKind, id: targetId },
})
