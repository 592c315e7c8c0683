import { CloudEvent, QueueName } from '@menagerie/contracts'
import { clockOf, Line, Logger, toTimestamp, traceIdOf, withLine } from '@menagerie/core'
import { z } from 'zod'
import type { Env } from './context.ts'

/** What can be told of a message that may be anything. */
const Envelope = z.object({
  id: z.string().optional().catch(undefined),
  type: z.string().optional().catch(undefined),
  queue: QueueName.optional().catch(undefined),
  traceparent: z.string().optional().catch(undefined),
})

/**
 * What a dead letter is known by: the event and its queue, since what is sent again after a restart comes as another
 * message. What names no event is known by the queue's own id for it.
 */
const keyOf = (message: Message, eventId: string | undefined, queue: string): string =>
  eventId ? `${eventId}@${queue}` : message.id

/**
 * Consumes the queue `dead-letters`: keeps each message, once. It acknowledges only what is stored, so a message that
 * cannot be stored now comes again.
 */
export async function consumeDeadLetters(batch: MessageBatch, env: Env): Promise<void> {
  const logger = new Logger({ service: 'admin' })
  const clock = clockOf(env)
  for (const message of batch.messages) {
    const told = Envelope.safeParse(message.body).data ?? {}
    const queue = told.queue ?? 'unknown'
    const line = new Line(logger, {
      queue: 'dead-letters',
      origin: queue,
      messageId: message.id,
      eventId: told.id,
      traceId: traceIdOf(told.traceparent),
    })
    await withLine(
      line,
      'message',
      () => clock.now(),
      async () => {
        try {
          const { meta } = await env.DB.prepare(
            `INSERT INTO dead_letters (id, queue, event_type, event_id, body, reason, received_at)
           VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
          )
            .bind(
              keyOf(message, told.id, queue),
              queue,
              told.type ?? null,
              told.id ?? null,
              JSON.stringify(message.body ?? null),
              reasonOf(message.body),
              toTimestamp(clock.now()),
            )
            .run()
          message.ack()
          line.count('queue_messages_total', { queue: 'dead-letters', outcome: 'consumed' })
          if (meta.changes > 0) line.count('queue_dead_letters_total', { queue })
        } catch (error) {
          message.retry({ delaySeconds: Math.min(2 ** message.attempts, 600) })
          line.raise('error').add({ error })
          line.count('queue_messages_total', { queue: 'dead-letters', outcome: 'retried' })
        }
      },
    )
  }
}

/** The queue does not tell why a consumer gave up; what is wrong with the message itself can be seen. */
export function reasonOf(body: unknown): string {
  const parsed = CloudEvent.safeParse(body)
  if (parsed.success) return ofEvent(parsed.data as CloudEvent)
  const [issue] = parsed.error.issues
  return `Not an event of the contract: ${issue?.path.join('.') || 'body'}: ${issue?.message ?? 'invalid'}`.slice(
    0,
    500,
  )
}

/** What a device sent comes here because nobody could use it, not because a consumer failed. */
function ofEvent(event: CloudEvent): string {
  if (event.type !== 'device.message.rejected.v1') return 'The consumer failed every time'
  const { code, detail } = (event as CloudEvent<'device.message.rejected.v1'>).data
  return `${code}: ${detail}`.slice(0, 500)
}
