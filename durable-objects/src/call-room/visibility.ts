import type { Principal } from '@menagerie/core'
import type { Commander } from './call-inputs.ts'
import type { CallState } from './call-types.ts'
import { membersOf } from './call-view.ts'

/** Own calls, or every call with `calls:read:all`. Everybody else learns nothing, not even that the call exists. */
export const maySee = (principal: Principal, state: CallState): boolean =>
  principal.permissions.includes('calls:read:all') || isMember(principal, state)

/** What rules ask of somebody who commands. */
export const commanderOf = (
  { id, permissions }: Principal,
  connectionId: string | null,
): Commander => ({
  userId: id,
  connectionId,
  writes: permissions.includes('calls:write'),
  oversees: permissions.includes('calls:read:all'),
  managesQueues: permissions.includes('queues:write'),
})

const isMember = (principal: Principal, state: CallState): boolean =>
  principal.kind === 'user' && membersOf(state).includes(principal.id)
