import type { CallDirection, CallStatus } from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
// biome-ignore lint/suspicious/noDeprecatedImports: only the form without `columns` is deprecated
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * The history of calls: a projection that the rooms write, each row as of its event `seq`. The truth stays in the
 * rooms. Times are milliseconds since the epoch.
 */
export const calls = sqliteTable(
  'calls',
  {
    id: text('id').primaryKey(),
    /** An older row never overwrites a newer one. */
    seq: integer('seq').notNull(),
    direction: text('direction').$type<CallDirection>().notNull(),
    fromAddress: text('from_address').notNull(),
    toAddress: text('to_address').notNull(),
    status: text('status').$type<CallStatus>().notNull(),
    queueId: text('queue_id'),
    agentId: text('agent_id'),
    createdAt: integer('created_at').notNull(),
    offeredAt: integer('offered_at'),
    answeredAt: integer('answered_at'),
    endedAt: integer('ended_at'),
    waitSeconds: integer('wait_seconds'),
    talkSeconds: integer('talk_seconds').notNull(),
    holdSeconds: integer('hold_seconds').notNull(),
    afterContactWorkSeconds: integer('after_contact_work_seconds').notNull(),
    durationSeconds: integer('duration_seconds').notNull(),
    disposition: text('disposition'),
    hangupCause: text('hangup_cause'),
  },
  (table) => [
    index('calls_created_at').on(table.createdAt, table.id),
    index('calls_active').on(table.id).where(sql`ended_at IS NULL`),
  ],
)

/** Whose calls they are: the starter, the agent and every user who takes part. */
export const callMembers = sqliteTable(
  'call_members',
  {
    userId: text('user_id').notNull(),
    callId: text('call_id').notNull(),
    /** The call's, so that one index lists a user's calls in order. */
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.callId] }),
    index('call_members_created_at').on(table.userId, table.createdAt, table.callId),
  ],
)
