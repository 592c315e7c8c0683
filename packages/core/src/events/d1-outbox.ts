import type { CloudEvent, PublishedEventType } from '@menagerie/contracts'
import { eventRows } from './make-event.ts'

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
