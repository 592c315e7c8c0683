import { CloudEvent, type EventData, eventData } from '@menagerie/contracts'
import { clockOf, Line, Logger, traceIdOf, withLine } from '@menagerie/core'
import type { Env } from './context.ts'

/** An event of the contract that tells something audited; `undefined` for anything else. */
function read(
  body: unknown,
): { event: CloudEvent; entry: EventData<'audit.recorded.v1'> } | undefined {
  const event = CloudEvent.safeParse(body)
  if (!event.success || event.data.type !== 'audit.recorded.v1') return undefined
  const entry = eventData['audit.recorded.v1'].safeParse(event.data.data)
  return entry.success ? { event: event.data as CloudEvent, entry: entry.data } : undefined
}

/**
 * Consumes the queue `audit`: keeps each event, once. It acknowledges only what is stored. What is no audit event goes
 * to the dead letters after its tries, and is kept there.
 */
export async function consumeAudit(batch: MessageBatch, env: Env): Promise<void> {
  const logger = new Logger({ service: 'admin' })
  const clock = clockOf(env)
  for (const message of batch.messages) {
    const found = read(message.body)
    const line = new Line(logger, {
      queue: 'audit',
      messageId: message.id,
      eventId: found?.event.id,
      traceId: traceIdOf(found?.event.traceparent),
    })
    await withLine(
      line,
      'message',
      () => clock.now(),
      async () => {
        try {
          if (found === undefined) throw new Error('The message is no audit event')
          await keep(env.DB, found.event, found.entry)
          message.ack()
          line.count('queue_messages_total', { queue: 'audit', outcome: 'consumed' })
        } catch (error) {
          message.retry({ delaySeconds: Math.min(2 ** message.attempts, 600) })
          line.raise('error').add({ error })
          line.count('queue_messages_total', { queue: 'audit', outcome: 'retried' })
        }
      },
    )
  }
}

const keep = (db: D1Database, event: CloudEvent, entry: EventData<'audit.recorded.v1'>) =>
  db
    .prepare(
      `INSERT INTO audit_events (id, at, action, outcome, actor_kind, actor_id,
         target_kind, target_id, reason, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
    )
    .bind(
      event.id,
      event.time,
      entry.action,
      entry.outcome,
      entry.actor.kind,
      entry.actor.id,
      entry.target.kind,
      entry.target.id,
      entry.reason,
      JSON.stringify(entry.detail),
    )
    .run()
