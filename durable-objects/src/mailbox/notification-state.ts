import type { Channel } from '@menagerie/contracts'
import type { TimerChange } from '../journal/types.ts'
import type {
  DeliveryState,
  NotificationDetails,
  NotificationEvent,
  NotificationInput,
  NotificationPhase,
  NotificationState,
  NotificationStep,
} from './notification-types.ts'
import { toDelivery } from './notification-view.ts'

/**
 * How long a delivery may be silent after it should have been heard of. Asking again is harmless, since a delivery acts
 * once; it is for queues that forgot.
 */
export const WATCH_MS = 30 * 60 * 1000
/** A delivery nobody heard of for so long has failed. */
export const GIVE_UP_MS = 28 * 60 * 60 * 1000

/** A notification that was just accepted: it waits for its time, or is on its way. */
export function begin(
  details: NotificationDetails,
  channels: readonly Channel[],
  now: number,
): NotificationStep {
  const deliveries = channels.map(
    (channel): DeliveryState => ({ channel, attempts: 0, status: 'queued', nextAttemptAt: null }),
  )
  const state: NotificationState = { details, deliveries, phase: { status: 'scheduled' } }
  if (details.sendAt <= now) return leave(state, now, true)
  return {
    state,
    events: [statusEvent(state, null)],
    effects: [{ type: 'timer.set', name: `due:${details.id}`, at: details.sendAt }],
  }
}

/** Pure rules of one notification: plain data in, plain data out. What comes late, twice or out of order changes nothing. */
export function step(
  state: NotificationState,
  input: NotificationInput,
  now: number,
): NotificationStep {
  switch (input.type) {
    case 'timer.due':
      return state.phase.status === 'scheduled' ? leave(state, now, false) : unchanged(state)
    case 'timer.watch':
      return state.phase.status === 'queued' ? watch(state, state.phase, now) : unchanged(state)
    case 'delivery':
      return state.phase.status === 'queued'
        ? deliver(state, input, state.phase, now)
        : unchanged(state)
  }
}

/** Its time has come: the feed has it at once, providers are asked; what has expired never leaves. */
function leave(state: NotificationState, now: number, isNew: boolean): NotificationStep {
  const { id, category, content, expiresAt } = state.details
  const previous = isNew ? null : state.phase.status
  if (expiresAt !== null && expiresAt <= now) {
    const deliveries = state.deliveries.map((delivery) => giveUp(delivery, 'skipped', 'expired'))
    const expired: NotificationState = {
      ...state,
      deliveries,
      phase: { status: 'expired', endedAt: now },
    }
    return { state: expired, events: [statusEvent(expired, previous)], effects: [] }
  }
  const queued: NotificationState = {
    ...state,
    deliveries: state.deliveries.map((delivery) =>
      delivery.channel === 'in-app'
        ? { channel: 'in-app', attempts: 1, status: 'sent', sentAt: now, providerId: null }
        : delivery,
    ),
    phase: { status: 'queued', since: now, rounds: 1 },
  }
  const isInFeed = state.deliveries.some(({ channel }) => channel === 'in-app')
  const feed: NotificationEvent[] = isInFeed
    ? [{ type: 'notification.created', data: { id, category, ...content } }]
    : []
  const settled = settle(queued, now)
  return {
    state: settled.state,
    events: [statusEvent(queued, previous), ...feed, ...settled.events],
    effects: [...requests(queued, 1), ...watchTimer(settled.state, now)],
  }
}

/** Asks again for what should have been heard of, and gives up in the end. */
function watch(
  state: NotificationState,
  phase: Extract<NotificationPhase, { status: 'queued' }>,
  now: number,
): NotificationStep {
  if (now - phase.since < GIVE_UP_MS) {
    const rounds = phase.rounds + 1
    const asked: NotificationState = { ...state, phase: { ...phase, rounds } }
    return {
      state: asked,
      events: [],
      effects: [...requests(asked, rounds), ...watchTimer(asked, now)],
    }
  }
  const open = state.deliveries.filter(isOpen)
  const given: NotificationState = {
    ...state,
    deliveries: state.deliveries.map((delivery) =>
      isOpen(delivery) ? giveUp(delivery, 'failed', 'no_answer') : delivery,
    ),
  }
  const settled = settle(given, now)
  const told = open.map(({ channel }) => deliveryEvent(given, channel))
  return { state: settled.state, events: [...told, ...settled.events], effects: [] }
}

function deliver(
  state: NotificationState,
  input: Extract<NotificationInput, { type: 'delivery' }>,
  phase: Extract<NotificationPhase, { status: 'queued' }>,
  now: number,
): NotificationStep {
  const known = state.deliveries.find(({ channel }) => channel === input.channel)
  if (known === undefined || !isOpen(known)) return unchanged(state)
  // An older attempt's outcome that comes late.
  if (input.outcome === 'retrying' && input.attempts <= known.attempts) return unchanged(state)
  const next: NotificationState = {
    ...state,
    deliveries: state.deliveries.map((delivery) =>
      delivery === known ? outcomeOf(known, input) : delivery,
    ),
    phase,
  }
  const settled = settle(next, now)
  const { id } = state.details
  const isDone = settled.state.phase.status !== 'queued'
  const timers: TimerChange[] = isDone
    ? [{ type: 'timer.cancel', name: `watch:${id}` }]
    : watchTimer(settled.state, now)
  return {
    state: settled.state,
    events: [deliveryEvent(next, input.channel), ...settled.events],
    effects: timers,
  }
}

function outcomeOf(
  { channel, attempts }: DeliveryState,
  input: Extract<NotificationInput, { type: 'delivery' }>,
): DeliveryState {
  const counted = { channel, attempts: Math.max(attempts, input.attempts) }
  switch (input.outcome) {
    case 'sent':
      return { ...counted, status: 'sent', sentAt: input.sentAt, providerId: input.providerId }
    case 'failed':
    case 'skipped':
      return { ...counted, status: input.outcome, reason: input.reason }
    case 'retrying':
      return { ...counted, status: 'queued', nextAttemptAt: input.nextAttemptAt }
  }
}

/** Ends it once no channel is open: `sent` when one took it, `expired` when all were too late, `failed` otherwise. */
function settle(
  state: NotificationState,
  now: number,
): { state: NotificationState; events: NotificationEvent[] } {
  const { deliveries } = state
  if (deliveries.some(isOpen)) return { state, events: [] }
  const isExpired = deliveries.every((one) => one.status === 'skipped' && one.reason === 'expired')
  const status = deliveries.some((one) => one.status === 'sent')
    ? 'sent'
    : isExpired
      ? 'expired'
      : 'failed'
  const ended: NotificationState = { ...state, phase: { status, endedAt: now } }
  return { state: ended, events: [statusEvent(ended, state.phase.status)] }
}

const isOpen = (
  delivery: DeliveryState,
): delivery is Extract<DeliveryState, { status: 'queued' }> => delivery.status === 'queued'

const giveUp = (
  { channel, attempts }: DeliveryState,
  status: 'failed' | 'skipped',
  reason: string,
): DeliveryState => ({ channel, attempts, status, reason })

const requests = (state: NotificationState, round: number) =>
  state.deliveries
    .filter(isOpen)
    .map(({ channel }) => ({ type: 'request' as const, channel, round }))

/** Set while a delivery is open: the next look comes a while after the last of them should have been heard of. */
function watchTimer(state: NotificationState, now: number): TimerChange[] {
  const open = state.deliveries.filter(isOpen)
  if (open.length === 0) return []
  const expected = Math.max(now, ...open.map(({ nextAttemptAt }) => nextAttemptAt ?? now))
  return [{ type: 'timer.set', name: `watch:${state.details.id}`, at: expected + WATCH_MS }]
}

function statusEvent(
  { details, phase, deliveries }: NotificationState,
  previousStatus: NotificationPhase['status'] | null,
): NotificationEvent {
  const { status } = phase
  const reason = status === 'failed' ? reasonOf(deliveries) : undefined
  const data = {
    id: details.id,
    status,
    previousStatus,
    ...(reason === undefined ? {} : { reason }),
  }
  return { type: 'notification.status', data }
}

/** Why no channel took it: the first one's reason. */
const reasonOf = (deliveries: readonly DeliveryState[]): string | undefined =>
  deliveries.flatMap((one) => ('reason' in one ? [one.reason] : []))[0]

function deliveryEvent(
  { details, deliveries }: NotificationState,
  channel: Channel,
): NotificationEvent {
  const changed = deliveries.filter((one) => one.channel === channel)
  const [delivery] = changed.map((one) => toDelivery(details.id, one))
  return { type: 'notification.delivery', data: { ...delivery, id: details.id } }
}

const unchanged = (state: NotificationState): NotificationStep => ({
  state,
  events: [],
  effects: [],
})
