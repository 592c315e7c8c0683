import { CloudEvent } from '@menagerie/contracts'
import { clockOf, Line, Logger, traceIdOf, withLine } from '@menagerie/core'
import type { Env } from './context.ts'
import { type CallChange, changeOf } from './history/call-change.ts'
import { D1HistoryStore } from './history/d1-history-store.ts'
import type { HistoryStore } from './history/history-store.ts'

const queue = 'history'
/** So many messages that cannot be stored on their own, one after another: it is the database. */
const AWAY_AFTER = 3

type Outcome = { stored: true } | { stored: false; error: unknown }

/** A message, and what it tells or why it cannot be read. */
type Read = { message: Message; event?: CloudEvent } & (
  | { change: CallChange | undefined }
  | { error: unknown }
)

/**
 * Consumes the queue `history`. What a batch tells is stored at once; a message that is no event of the contract is
 * tried again by itself until it becomes a dead letter, and one whose change the store refuses does not hold up the
 * others. Only what is stored is acknowledged.
 */
export async function consumeHistory(batch: MessageBatch, env: Env): Promise<void> {
  const reads = batch.messages.map(read)
  const outcomes = await store(new D1HistoryStore(env.DB), reads)
  const logger = new Logger({ service: 'reports' })
  const now = () => clockOf(env).now()
  for (const [index, { message, event }] of reads.entries()) {
    const outcome: Outcome = outcomes[index] ?? { stored: false, error: 'not tried' }
    const line = new Line(logger, {
      queue,
      messageId: message.id,
      attempts: message.attempts,
      eventId: event?.id,
      eventType: event?.type,
      traceId: traceIdOf(event?.traceparent),
    })
    await withLine(line, 'message', now, () => {
      line.count('queue_messages_total', {
        queue,
        outcome: outcome.stored ? 'consumed' : 'retried',
      })
      if (outcome.stored) return message.ack()
      line.raise('warn').add({ error: outcome.error })
      message.retry({ delaySeconds: Math.min(2 ** message.attempts, 60) })
    })
  }
}

function read(message: Message): Read {
  const parsed = CloudEvent.safeParse(message.body)
  if (!parsed.success) return { message, error: parsed.error }
  const event = parsed.data as CloudEvent
  try {
    return { message, event, change: changeOf(event) }
  } catch (error) {
    return { message, event, error }
  }
}

/** Stores all that can be read together; when that fails, one by one, to find the message that it failed for. */
async function store(history: HistoryStore, reads: readonly Read[]): Promise<Outcome[]> {
  const changes = reads.flatMap((one) => ('change' in one && one.change ? [one.change] : []))
  const whole = await attempt(() => history.record(changes))
  let failures = 0
  const outcomes: Outcome[] = []
  for (const one of reads) {
    if ('error' in one) outcomes.push({ stored: false, error: one.error })
    else if (whole.stored || one.change === undefined) outcomes.push({ stored: true })
    else if (changes.length === 1 || failures >= AWAY_AFTER) outcomes.push(whole)
    else {
      const { change } = one
      const outcome = await attempt(() => history.record([change]))
      failures = outcome.stored ? 0 : failures + 1
      outcomes.push(outcome)
    }
  }
  return outcomes
}

async function attempt(work: () => Promise<void>): Promise<Outcome> {
  try {
    await work()
    return { stored: true }
  } catch (error) {
    return { stored: false, error }
  }
}
