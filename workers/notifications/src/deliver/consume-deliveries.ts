import type { CloudEvent } from '@menagerie/contracts'
import { clockOf, type Line } from '@menagerie/core'
import type { DeliveryOutcome } from '@menagerie/durable-objects/mailbox'
import { consume } from '../consume.ts'
import { type Env, settingsOf } from '../context.ts'
import {
  type AttemptRecord,
  claimDelivery,
  type DeliveryKey,
  type DeliveryRow,
  findDelivery,
  recordAttempt,
} from '../db/deliveries.ts'
import { mailboxNamed, orThrow } from '../mailboxes.ts'
import { attempt } from './attempt.ts'
import { isSealed } from './open-content.ts'
import type { ProviderAnswer } from './provider-answer.ts'
import { MAX_ATTEMPTS, retrySeconds } from './retry.ts'

type Requested = CloudEvent<'notification.requested.v1'>
type Again = { retryAfterSeconds: number } | undefined

/**
 * Consumes the queue `deliveries`. A delivery acts once: whoever claims its row asks the provider under the delivery's
 * own idempotency key, keeps the outcome, tells the mailbox and only then lets the message go. A crash in between leaves
 * the lease or the outcome behind, from which the message's next turn goes on.
 *
 * @param random in [0, 1), for the jitter
 */
export const consumeDeliveries = (
  batch: MessageBatch,
  env: Env,
  random: () => number = Math.random,
): Promise<void> =>
  consume(
    batch,
    'deliveries',
    env,
    (event, line) => deliver(event, env, line, random),
    (event) => isSecret(event as Requested),
  )

/** Content for its recipient alone is dropped rather than kept among the dead letters. */
const isSecret = ({ data }: Requested): boolean => isSealed(data.content)

const isOver = ({ data: { expiresAt } }: Requested, now: number): boolean =>
  expiresAt !== null && Date.parse(expiresAt) <= now

async function deliver(
  event: CloudEvent,
  env: Env,
  line: Line,
  random: () => number,
): Promise<Again> {
  if (event.type !== 'notification.requested.v1')
    throw new Error(`${event.type} does not belong into this queue`)
  const requested = event as Requested
  const { deliveryId: id, notificationId, mailbox, channel } = requested.data
  const key: DeliveryKey = { id, notificationId, mailbox, channel }
  const now = () => clockOf(env).now()
  line.add({ deliveryId: id, channel })
  // Even where the database is away: what is over leaves no trace among the dead letters.
  if (isSecret(requested) && isOver(requested, now())) {
    line.add({ outcome: 'skipped', reason: 'expired' })
    return undefined
  }
  const number = await claimDelivery(env.DB, key, settingsOf(env).BOOT_ID, now())
  if (number === undefined) return goOn(env, key, await findDelivery(env.DB, id), now(), requested)
  const startedAt = now()
  const answer: ProviderAnswer =
    number > MAX_ATTEMPTS
      ? { outcome: 'failed', reason: 'attempts_exhausted', status: null }
      : await attempt(env, requested)
  const record = recordOf(answer, number, startedAt, now(), random())
  const { outcome, status, reason } = record
  line.add({ attempt: number, outcome, providerStatus: status, reason })
  if (!(await recordAttempt(env.DB, id, record, now()))) return { retryAfterSeconds: 1 }
  return goOn(env, key, await findDelivery(env.DB, id), now(), requested)
}

/** What is to be done about a delivery that stands somewhere: tell the mailbox, and come again while it is open. */
async function goOn(
  env: Env,
  { id, notificationId, mailbox, channel }: DeliveryKey,
  row: DeliveryRow | null,
  now: number,
  { traceparent }: Requested,
): Promise<Again> {
  if (row === null) throw new Error(`The delivery ${id} is gone`)
  const again = {
    retryAfterSeconds: secondsUntil(Math.max(row.leaseUntil, row.nextAttemptAt), now),
  }
  // Another message of the same delivery is at it.
  if (row.state === 'sending') return again
  const context = traceparent === undefined ? {} : { traceparent }
  const report = { notificationId, channel, ...outcomeOf(row.state, row) }
  // Of a code or a link nobody is told what became of it.
  if (mailbox !== null) orThrow(await mailboxNamed(env, mailbox).deliveryResult(report, context))
  return row.state === 'queued' ? again : undefined
}

const secondsUntil = (at: number, now: number): number => Math.max(1, Math.ceil((at - now) / 1000))

/** How an attempt ended, with the moment of the next where there is one. */
function recordOf(
  answer: ProviderAnswer,
  number: number,
  startedAt: number,
  endedAt: number,
  random: number,
): AttemptRecord {
  const attempted = { attempt: number, status: answer.status, durationMs: endedAt - startedAt }
  switch (answer.outcome) {
    case 'sent': {
      const { providerId } = answer
      return { ...attempted, outcome: 'sent', providerId, reason: null, nextAttemptAt: 0 }
    }
    case 'failed':
    case 'skipped': {
      const { outcome, reason } = answer
      return { ...attempted, outcome, providerId: null, reason, nextAttemptAt: 0 }
    }
    case 'retrying': {
      const { reason, retryAfterSeconds } = answer
      if (number >= MAX_ATTEMPTS)
        return { ...attempted, outcome: 'failed', providerId: null, reason, nextAttemptAt: 0 }
      const nextAttemptAt = endedAt + retrySeconds(number, retryAfterSeconds, random) * 1000
      return { ...attempted, outcome: 'retrying', providerId: null, reason, nextAttemptAt }
    }
  }
}

/** Where a delivery that nobody is at stands, in the mailbox's words. */
function outcomeOf(
  state: Exclude<DeliveryRow['state'], 'sending'>,
  row: DeliveryRow,
): DeliveryOutcome {
  const { attempts, nextAttemptAt, providerId, updatedAt } = row
  const reason = row.reason ?? 'unknown'
  switch (state) {
    case 'sent':
      return { outcome: 'sent', attempts, sentAt: updatedAt, providerId }
    case 'failed':
    case 'skipped':
      return { outcome: state, attempts, reason }
    case 'queued':
      return { outcome: 'retrying', attempts, nextAttemptAt, reason }
  }
}
