import {
  activityNames,
  type Contact,
  type Queue,
  type QueueStats,
  type WaitingContact,
} from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { ofToday } from './day-counts.ts'
import type { QueueBook } from './queue-book.ts'
import type { QueueSettings, QueueState, WaitingEntry } from './queue-model.ts'

/** A queue as clients see it. */
export const toQueue = ({ createdAt, updatedAt, ...settings }: QueueSettings): Queue => ({
  ...settings,
  createdAt: toTimestamp(createdAt),
  updatedAt: toTimestamp(updatedAt),
})

/** A contact as the agent it is offered to sees it. */
export const toContact = (queueId: string, entry: WaitingEntry): Contact => ({
  callId: entry.callId,
  queueId,
  direction: entry.direction,
  from: entry.from,
  to: entry.to,
  priority: entry.priority,
  skills: [...entry.skills],
  offeredAt: toTimestamp(entry.offeredAt),
  metadata: entry.metadata,
})

/** The same as a supervisor sees it. */
export const toWaitingContact = (
  queueId: string,
  entry: WaitingEntry,
  position: number,
): WaitingContact => ({
  ...toContact(queueId, entry),
  position,
  reservation: entry.reservation && {
    id: entry.reservation.id,
    agentId: entry.reservation.agentId,
    expiresAt: toTimestamp(entry.reservation.expiresAt),
  },
})

/** The queue as it is now. Definitions of the numbers: contract §7. */
export function toStats({ settings, day }: QueueState, book: QueueBook, now: number): QueueStats {
  const today = ofToday(day, now)
  const agents = Object.fromEntries(activityNames.map((name) => [name, 0])) as QueueStats['agents']
  for (const { standing } of book.agents)
    if (standing.serves) agents[standing.activity] = (agents[standing.activity] ?? 0) + 1
  const oldest = book.oldest()
  const counted = today.offered - today.shortAbandons
  return {
    queueId: settings.id,
    asOf: toTimestamp(now),
    waiting: book.waiting,
    reserved: book.reserved,
    longestWaitSeconds: oldest === undefined ? 0 : Math.max(0, Math.round((now - oldest) / 1000)),
    agents,
    ready: book.ready(now).length,
    since: toTimestamp(today.since),
    offered: today.offered,
    answered: today.answered,
    abandoned: today.abandoned,
    shortAbandons: today.shortAbandons,
    answeredWithinServiceLevel: today.answeredWithinServiceLevel,
    serviceLevel: counted <= 0 ? null : today.answeredWithinServiceLevel / counted,
    averageSpeedOfAnswerSeconds:
      today.answered === 0 ? null : today.waitedMs / 1000 / today.answered,
  }
}
