import type { Principal } from '@menagerie/core'
import { chatCustomer } from './conversation-id.ts'
import type { ConversationState, Side } from './conversation-types.ts'

/** Whether it is the principal's own chat. */
export const isCustomer = (principal: Principal, { details }: ConversationState): boolean =>
  principal.kind === 'user' &&
  details.channel === 'chat' &&
  details.customer === chatCustomer(principal.id)

/**
 * Own conversations, or every one with `conversations:read`. Who may write to customers also sees those that they wrote
 * in or that are theirs to answer. Everybody else learns nothing, not even that the conversation exists.
 */
export const maySee = (
  principal: Principal,
  state: ConversationState,
  isMember: (userId: string) => boolean,
): boolean =>
  isCustomer(principal, state) ||
  principal.permissions.includes('conversations:read') ||
  (isStaff(principal) && (state.assignedTo === principal.id || isMember(principal.id)))

/** Who writes to customers. */
export const isStaff = ({ permissions }: Principal): boolean =>
  permissions.includes('conversations:write')

/** Staff in every conversation that they see, customers in their own. */
export const mayWrite = (principal: Principal, state: ConversationState): boolean =>
  isStaff(principal) ||
  (isCustomer(principal, state) && principal.permissions.includes('conversations:write:own'))

export const sideOf = (principal: Principal, state: ConversationState): Side =>
  isCustomer(principal, state) ? 'customer' : 'staff'
