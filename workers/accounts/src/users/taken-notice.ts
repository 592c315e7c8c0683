import { eventRows, makeEvent, newId } from '@menagerie/core'
import type { Condition } from '../audit.ts'

/**
 * Statements that keep a notice for the owner of a name that somebody tried to register: a failed sign-in with the
 * reason `registered_again`, which the notification rules turn into a message. The owner is found by the statement
 * itself, so the caller learns nothing of them.
 *
 * @param ownId the account just made under the name, which gets no notice
 * @param claimed the condition under which this request takes effect
 */
export function takenNotice(
  db: D1Database,
  username: string,
  ownId: string,
  now: number,
  traceparent: string,
  claimed: Condition,
): D1PreparedStatement[] {
  const event = makeEvent({
    type: 'user.sign-in.failed.v1',
    id: newId(),
    source: '/accounts',
    subject: '/users',
    at: now,
    data: { userId: null, reason: 'registered_again' },
    traceparent,
  })
  return eventRows(event).map((row) =>
    db
      .prepare(
        `INSERT INTO outbox (id, destination, body, due_at)
         SELECT ?, ?, json_set(?, '$.data.userId', id, '$.subject', '/users/' || id), ?
         FROM users WHERE username = ? AND id <> ? AND ${claimed.sql}`,
      )
      .bind(
        row.id,
        row.destination,
        JSON.stringify(row.body),
        now,
        username,
        ownId,
        ...claimed.params,
      ),
  )
}
