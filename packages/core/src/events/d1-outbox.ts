import type { CloudEvent, PublishedEventType } from '@menagerie/contracts'
import { eventRows } from './make-event.ts'

/**
 * The table a Worker's migrations must make. Shape and states are the journal's: a row is `pending` until sent, then
 * `sent` under its `BOOT_ID` for 15 minutes.
 */
export const outboxTableSql = `CREATE TABLE outbox (
  id TEXT PRIMARY KEY,
  destination TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'sent')),
  boot_id TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL,
  sent_at INTEGER
)`

/**
 * Statements that keep an event in the outbox, for the same `db.batch()` as the change it tells of.
 *
 * @param when a condition over the database that says whether the change took place, such as
 *   `EXISTS (SELECT 1 FROM users WHERE id = ?)`; without it the rows are kept always
 */
export function outboxStatements<T extends PublishedEventType>(
  db: D1Database,
  event: CloudEvent<T>,
  now: number,
  when?: { sql: string; params: (string | number | null)[] },
): D1PreparedStatement[] {
  return eventRows(event).map((row) =>
    db
      .prepare(
        `INSERT INTO outbox (id, destination, body, due_at) SELECT ?, ?, ?, ? WHERE ${when?.sql ?? 'true'}
         ON CONFLICT (id) DO NOTHING`,
      )
      .bind(row.id, row.destination, JSON.stringify(row.body), now, ...(when?.params ?? [])),
  )
}
