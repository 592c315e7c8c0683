import type { Principal } from '@menagerie/core'
import type { CallState } from './call-types.ts'
import { membersOf } from './call-view.ts'

/** Own calls, or every call with `calls:read:all`. Everybody else learns nothing, not even that the call exists. */
export const maySee = (principal: Principal, state: CallState): boolean =>
  principal.permissions.includes('calls:read:all') || isMember(principal, state)

/** Members end their own calls; on others' calls it takes the right to write beside the right to see. */
export const mayEnd = (principal: Principal, state: CallState): boolean =>
  isMember(principal, state) ||
  (maySee(principal, state) && principal.permissions.includes('calls:write'))

const isMember = (principal: Principal, state: CallState): boolean =>
  principal.kind === 'user' && membersOf(state).includes(principal.id)
