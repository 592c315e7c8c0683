import type { AuditRecord } from '@menagerie/contracts'
import { index, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/** Queue messages that no consumer could take, kept until somebody sends them again or throws them away. */
export const deadLetters = sqliteTable(
  'dead_letters',
  {
    /** `{event id}@{queue}`, or the queue's own message id where it names no event: what arrives twice is one row. */
    id: text('id').primaryKey(),
    queue: text('queue').notNull(),
    eventType: text('event_type'),
    eventId: text('event_id'),
    /** JSON. */
    body: text('body').notNull(),
    reason: text('reason').notNull(),
    status: text('status', { enum: ['open', 'redriven', 'purged'] })
      .notNull()
      .default('open'),
    /** RFC 3339. */
    receivedAt: text('received_at').notNull(),
  },
  (table) => [index('dead_letters_received').on(table.receivedAt, table.id)],
)

/** What was recorded of sign-ins, credentials, roles, sessions, accounts and clients. Rows are never changed. */
export const auditEvents = sqliteTable(
  'audit_events',
  {
    /** The event's id: what arrives twice is one row. */
    id: text('id').primaryKey(),
    /** RFC 3339 in UTC with milliseconds, when it took place. */
    at: text('at').notNull(),
    action: text('action').$type<AuditRecord['action']>().notNull(),
    outcome: text('outcome').$type<AuditRecord['outcome']>().notNull(),
    actorKind: text('actor_kind').$type<AuditRecord['actor']['kind']>().notNull(),
    actorId: text('actor_id'),
    targetKind: text('target_kind').$type<AuditRecord['target']['kind']>().notNull(),
    targetId: text('target_id'),
    reason: text('reason'),
    detail: text('detail', { mode: 'json' }).$type<AuditRecord['detail']>().notNull(),
  },
  (table) => [
    index('audit_events_at').on(table.at, table.id),
    index('audit_events_action').on(table.action, table.at, table.id),
    index('audit_events_actor').on(table.actorId, table.at, table.id),
    index('audit_events_target').on(table.targetId, table.at, table.id),
  ],
)
