import { toTimestamp } from '@menagerie/core'
import type { OfferedContact, WithdrawnContact } from '../contact-queue/index.ts'
import {
  chain,
  having,
  type Move,
  putOnHold,
  redirect,
  task,
  unchanged,
  updated,
} from './call-phase.ts'
import type { CallState, ContactState } from './call-types.ts'

/** Of a contact whose agent was lost: nobody has waited longer for less. */
export const LOST_AGENT_PRIORITY = 100

/** Offers the call to a queue; in an answered call somebody is on hold meanwhile. */
export const enqueue =
  (
    wanted: { queueId: string; priority?: number | null; skills?: readonly string[] },
    now: number,
    offeredAt = now,
  ): Move =>
  (state) => {
    const contact: ContactState = {
      queueId: wanted.queueId,
      offer: (state.contact?.offer ?? 0) + 1,
      offeredAt,
      priority: wanted.priority ?? null,
      skills: [...(wanted.skills ?? [])],
      acceptedAt: null,
      reservationId: null,
      waits: true,
    }
    return chain(
      state,
      putOnHold(now),
      having({ contact, agentId: null }),
      task({ type: 'queue.offer', queueId: contact.queueId, contact: toOffer(state, contact) }),
      updated({ queueId: contact.queueId, offeredAt: toTimestamp(offeredAt) }),
    )
  }

/** The contact waits no more, without an answer. */
export const withdraw =
  (reason: WithdrawnContact['reason']): Move =>
  (state) => {
    const { contact, details } = state
    if (contact === null || !contact.waits) return unchanged(state)
    const { queueId, offer } = contact
    return chain(
      state,
      having({ contact: { ...contact, waits: false } }),
      task({ type: 'queue.withdraw', queueId, contact: { callId: details.id, offer, reason } }),
    )
  }

/** Into another queue, or to another place in the same one; the wait goes on from where it began. */
export const requeue =
  (to: { queueId?: string | undefined; priority?: number | undefined }, now: number): Move =>
  (state) => {
    const { contact } = state
    if (contact === null || !contact.waits) return unchanged(state)
    const { queueId, priority, skills, offeredAt } = contact
    return chain(
      state,
      withdraw('moved'),
      enqueue(
        { queueId: to.queueId ?? queueId, priority: to.priority ?? priority, skills },
        now,
        offeredAt,
      ),
      redirect,
    )
  }

/** The agent who had the contact is lost: it waits again, before all others. */
export const offerAgain =
  (now: number): Move =>
  (state) => {
    const { contact } = state
    if (contact === null || contact.waits) return unchanged(state)
    const { queueId, skills, offeredAt } = contact
    return chain(
      state,
      enqueue({ queueId, priority: LOST_AGENT_PRIORITY, skills }, now, offeredAt),
      redirect,
    )
  }

const toOffer = ({ details }: CallState, contact: ContactState): OfferedContact => ({
  callId: details.id,
  offer: contact.offer,
  direction: details.direction,
  from: details.from,
  to: details.to,
  priority: contact.priority,
  skills: contact.skills,
  offeredAt: contact.offeredAt,
  metadata: details.metadata,
})
