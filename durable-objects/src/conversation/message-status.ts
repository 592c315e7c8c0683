import type { MessageStatus } from '@menagerie/contracts'
import type { MessageState } from './conversation-types.ts'

/** How far a message has come; `failed` ends what nobody has got. */
const ranks: Readonly<Record<MessageStatus, number>> = {
  queued: 0,
  received: 0,
  sent: 1,
  delivered: 2,
  read: 3,
  failed: 3,
}

/** Whether nothing can become of it any more. */
export const isSettled = ({ status }: MessageState): boolean => ranks[status] >= 2

/** Whether a status may follow another: forward only, and what arrived cannot fail. */
export function follows(next: MessageStatus, status: MessageStatus): boolean {
  if (next === 'failed') return ranks[status] < ranks.delivered && status !== 'received'
  if (status === 'received') return next === 'read'
  return next !== 'received' && ranks[next] > ranks[status]
}

/** The message with a newer status; the same message where that would be a step back. */
export function moved(
  message: MessageState,
  status: MessageStatus,
  reason: string | null,
  now: number,
): MessageState {
  return follows(status, message.status) ? { ...message, status, reason, updatedAt: now } : message
}
