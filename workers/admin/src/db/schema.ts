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
