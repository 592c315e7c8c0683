import { CloudEvent, type QueueName } from '@menagerie/contracts'
import { clockOf, Line, Logger, traceIdOf, withLine } from '@menagerie/core'
import type { Env } from './context.ts'

/** `max_retries` of the queue `deliveries` in wrangler.toml: the message that fails after it becomes a dead letter. */
const LAST_ATTEMPT = 20

/** A message of a queue, read. What comes back is done; `retryAfterSeconds` has it come again. */
export type Handle = (
  event: CloudEvent,
  line: Line,
) => Promise<{ retryAfterSeconds: number } | undefined>

/**
 * Consumes a batch, each message by itself: what cannot be handled comes again after a while and becomes a dead letter
 * in the end, and the others go on.
 *
 * @param neverKept says of an event that it is dropped instead of becoming a dead letter
 */
export async function consume(
  batch: MessageBatch,
  queue: QueueName,
  env: Env,
  handle: Handle,
  neverKept: (event: CloudEvent) => boolean = () => false,
): Promise<void> {
  const logger = new Logger({ service: 'notifications' })
  const clock = clockOf(env)
  const one = async (message: Message): Promise<void> => {
    const line = new Line(logger, { queue, messageId: message.id, attempts: message.attempts })
    const count = (outcome: string) => line.count('queue_messages_total', { queue, outcome })
    const work = async () => {
      const read = CloudEvent.safeParse(message.body)
      if (!read.success) {
        line.raise('warn').add({ reason: 'not an event of the contract' })
        count('retried')
        message.retry()
        return
      }
      const event = read.data as CloudEvent
      line.add({ eventId: event.id, traceId: traceIdOf(event.traceparent) })
      const comeAgain = (delaySeconds: number) => {
        const dropped = message.attempts >= LAST_ATTEMPT && neverKept(event)
        count(dropped ? 'dropped' : 'retried')
        if (dropped) message.ack()
        else message.retry({ delaySeconds })
      }
      try {
        const again = await handle(event, line)
        if (again !== undefined) return comeAgain(again.retryAfterSeconds)
        count('consumed')
        message.ack()
      } catch (error) {
        line.raise('warn').add({ error })
        comeAgain(pauseSeconds(message.attempts))
      }
    }
    await withLine(line, 'message', () => clock.now(), work)
  }
  // Side by side: most of the time is spent waiting for others.
  await Promise.all(batch.messages.map(one))
}

/** What failed for a reason of ours, such as a database that is away: 4 s, 16 s, … at most 15 minutes. */
export const pauseSeconds = (attempts: number): number => Math.min(4 ** Math.max(1, attempts), 900)
