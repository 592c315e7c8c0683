import type { ActivityName } from '@menagerie/contracts'
import type { AgentStanding } from '../contact-queue/queue-types.ts'
import type { DeskState } from './desk-state-types.ts'

/** Whether a contact is at hand, or was accepted and is about to be. */
export const onContact = (state: DeskState): boolean => taken(state) > 0

/** Places that contacts take, and accepted ones whose room has not told of them yet. */
export const taken = ({ contacts, reservations }: DeskState): number =>
  contacts.length + reservations.filter(({ holds }) => holds).length

/**
 * What is shown: after-contact work before all else, `busy` instead of `available` while the capacity is used up. A
 * reservation that is pending changes nothing: it may come to nothing.
 */
export function activityOf(state: DeskState): ActivityName {
  if (state.work !== null) return 'after-contact-work'
  if (state.choice === 'available' && taken(state) >= state.profile.capacity) return 'busy'
  return state.choice
}

/**
 * Contacts the agent can take now. None for an agent who has chosen to do something else next: a second contact would
 * put that off for ever.
 */
export function freeOf(state: DeskState): number {
  const { isAgent, connected, next, profile, reservations } = state
  if (!isAgent || !connected || activityOf(state) !== 'available') return 0
  if (next !== null && next.name !== 'available') return 0
  const pending = reservations.filter((one) => one.state === 'pending').length
  return Math.max(0, profile.capacity - taken(state) - pending)
}

/** Where the agent stands with one queue, as it is told. */
export const standingOf = (state: DeskState, queueId: string): AgentStanding => ({
  agentId: state.id,
  version: state.version,
  serves: state.serves.includes(queueId),
  activity: activityOf(state),
  skills: state.profile.skills,
  free: freeOf(state),
  reservations: state.reservations
    .filter((one) => one.state === 'pending' && one.queueId === queueId)
    .map(({ id }) => id),
  idleSince: state.idleSince,
})

/** What a standing says beside its version, of all queues at once: equal texts need no telling. */
export const standingText = (state: DeskState): string =>
  JSON.stringify([
    activityOf(state),
    state.profile.skills,
    freeOf(state),
    state.reservations.filter((one) => one.state === 'pending').map(({ id }) => id),
    state.idleSince,
  ])
