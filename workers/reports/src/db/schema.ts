import type { CallDirection, CallStatus } from '@menagerie/contracts'
// biome-ignore lint/suspicious/noDeprecatedImports: only the form without `columns` is deprecated
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * What is known of each call, without personal data. Times are milliseconds since the epoch; a queue or an agent that
 * is not there is `''`, since a `NULL` is not equal to itself in the rollups' key.
 */
export const callFacts = sqliteTable(
  'call_facts',
  {
    id: text('id').primaryKey(),
    /** Of the newest event that was seen: an older one never overwrites what a newer one told. */
    version: integer('version').notNull(),
    direction: text('direction').$type<CallDirection>().notNull(),
    status: text('status').$type<CallStatus>().notNull(),
    queueId: text('queue_id').notNull(),
    agentId: text('agent_id').notNull(),
    /** `NULL` until an event that tells it arrives; the call counts nowhere before that. */
    createdAt: integer('created_at'),
    answeredAt: integer('answered_at'),
    endedAt: integer('ended_at'),
    talkSeconds: integer('talk_seconds').notNull(),
    holdSeconds: integer('hold_seconds').notNull(),
    durationSeconds: integer('duration_seconds').notNull(),
  },
  (table) => [index('call_facts_created_at').on(table.createdAt)],
)

/** The sums of the facts of each 15 minutes (UTC) in which calls began. Always exactly that: see d1-history-store.ts. */
export const callRollups = sqliteTable(
  'call_rollups',
  {
    bucketStart: integer('bucket_start').notNull(),
    direction: text('direction').$type<CallDirection>().notNull(),
    queueId: text('queue_id').notNull(),
    agentId: text('agent_id').notNull(),
    calls: integer('calls').notNull(),
    callsAnswered: integer('calls_answered').notNull(),
    /** Answered and over: those whose talk time is known. */
    callsTalked: integer('calls_talked').notNull(),
    talkSeconds: integer('talk_seconds').notNull(),
    holdSeconds: integer('hold_seconds').notNull(),
    durationSeconds: integer('duration_seconds').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [table.bucketStart, table.direction, table.queueId, table.agentId],
    }),
  ],
)
