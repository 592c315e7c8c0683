import { err, ok, type Principal, type Result } from '@menagerie/core'
import type { ConversationError, SendCommand } from './conversation-api.ts'
import { accountOf } from './conversation-id.ts'
import type { ConversationState } from './conversation-types.ts'
import type { NewDetails, Written } from './message-writing.ts'
import { isStaff } from './visibility.ts'

/** Whom a customer's chat is for while no agent has it. */
const UNASSIGNED = 'staff'

/**
 * A message as its author writes it: staff to the customer, a customer in the own chat.
 *
 * @param state of the conversation; `undefined` where the message makes it
 * @param ownNumber that texts leave from where the conversation has none of its own; empty for none
 */
export function writtenBy(
  principal: Principal,
  { id, channel, content }: Pick<SendCommand, 'id' | 'channel' | 'content'>,
  details: NewDetails,
  state: ConversationState | undefined,
  ownNumber: string,
): Result<Written, ConversationError> {
  const account = accountOf(details.customer)
  const isChat = details.channel === 'chat'
  const isOwn = isChat && account === principal.id
  const may = isStaff(principal) || principal.permissions.includes('conversations:write:own')
  if (!may || !(isStaff(principal) || isOwn)) return err({ code: 'forbidden' })
  if (details.channel !== channel) return err({ code: 'other_channel' })
  const number = state?.line ?? ownNumber
  if (!isChat && number === '') return err({ code: 'no_number' })
  return ok({
    id,
    direction: isOwn ? 'inbound' : 'outbound',
    from: isChat ? principal.id : number,
    to: isOwn ? (state?.assignedTo ?? UNASSIGNED) : (account ?? details.customer),
    author: principal.id,
    content,
  })
}
