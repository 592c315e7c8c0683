import type { AuditAction, EventData } from '@menagerie/contracts'
import { makeEvent, newId, outboxStatements, type Principal } from '@menagerie/core'

type AuditEntry = EventData<'audit.recorded.v1'>

/** What is told of an audited change; what is left out is empty. */
export interface AuditInput {
  action: AuditAction
  outcome?: AuditEntry['outcome']
  actor: AuditEntry['actor']
  target: AuditEntry['target']
  reason?: string | null
  detail?: AuditEntry['detail']
}

/** A condition of a statement, with its parameters. */
export interface Condition {
  sql: string
  params: (string | number | null)[]
}

/**
 * Whether the statement right before this one, in the same batch, changed exactly one row. Rows that triggers write do
 * not count, so a chain of inserts under this condition takes place as a whole or not at all.
 */
export const oneRowChanged: Condition = { sql: 'changes() = 1', params: [] }

/** Who acts, as an audit event tells it. */
export const actorOf = (principal: Principal): AuditEntry['actor'] => ({
  kind: principal.kind,
  id: principal.id,
})

/**
 * Statements that keep one audit event, for the batch of the change it tells of. Sessions keep theirs themselves, in the
 * object's outbox.
 *
 * @param now milliseconds since the epoch
 * @param condition the change's own condition, so that what did not take place is not told
 */
export function auditStatements(
  db: D1Database,
  entry: AuditInput,
  now: number,
  traceparent: string | undefined,
  condition?: Condition,
): D1PreparedStatement[] {
  const event = makeEvent({
    type: 'audit.recorded.v1',
    id: newId(),
    source: '/accounts',
    subject: `/${entry.target.kind}s/${entry.target.id ?? ''}`,
    at: now,
    data: { outcome: 'success', reason: null, detail: {}, ...entry },
    traceparent,
  })
  return outboxStatements(db, event, now, condition)
}
