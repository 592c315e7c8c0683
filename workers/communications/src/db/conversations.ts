import type { Conversation, ConversationStatus, MessageChannel } from '@menagerie/contracts'
import { type ListPage, pageOf, toTimestamp } from '@menagerie/core'

export interface ConversationFilters {
  status?: ConversationStatus | undefined
  assignedTo?: string | undefined
  /** Normalised. */
  customer?: string | undefined
}

/** When something was last said, milliseconds since the epoch, and the id. */
export type ConversationPosition = [number, string]

/** Whose conversations are listed. */
export type ConversationScope =
  | { of: 'everybody' }
  /** Those that an agent wrote in, or has to answer. */
  | { of: 'agent'; userId: string }
  /** A customer's own chat. */
  | { of: 'customer'; customer: string }

interface Row {
  id: string
  seq: number
  channel: MessageChannel
  customer: string
  status: ConversationStatus
  assigned_to: string | null
  unread: number
  last_message: string | null
  last_message_at: number
  created_at: number
}

/** A page of conversations, those with the newest message first. */
export async function listConversations(
  db: D1Database,
  scope: ConversationScope,
  filters: ConversationFilters,
  limit: number,
  after: ConversationPosition | undefined,
): Promise<ListPage<Conversation, ConversationPosition>> {
  const wanted = [...scoped(scope), ...filtered(filters)]
  if (after !== undefined) wanted.push(['(last_message_at, id) < (?, ?)', [...after]])
  const where = wanted.length === 0 ? '' : `WHERE ${wanted.map(([text]) => text).join(' AND ')}`
  const { results } = await db
    .prepare(`SELECT * FROM conversations ${where} ORDER BY last_message_at DESC, id DESC LIMIT ?`)
    .bind(...wanted.flatMap(([, values]) => values), limit + 1)
    .all<Row>()
  return pageOf(results, limit, toConversation, (last) => [last.last_message_at, last.id])
}

type Condition = [string, (string | number)[]]

function scoped(scope: ConversationScope): Condition[] {
  switch (scope.of) {
    case 'everybody':
      return []
    case 'agent':
      return [
        [
          `(assigned_to = ? OR id IN (SELECT conversation_id FROM conversation_members WHERE user_id = ?))`,
          [scope.userId, scope.userId],
        ],
      ]
    case 'customer':
      return [[`customer = ? AND channel = 'chat'`, [scope.customer]]]
  }
}

function filtered({ status, assignedTo, customer }: ConversationFilters): Condition[] {
  const wanted: Condition[] = []
  if (status !== undefined) wanted.push(['status = ?', [status]])
  if (assignedTo !== undefined) wanted.push(['assigned_to = ?', [assignedTo]])
  if (customer !== undefined) wanted.push(['customer = ?', [customer]])
  return wanted
}

const toConversation = (row: Row): Conversation => ({
  id: row.id,
  channel: row.channel,
  customer: row.customer,
  status: row.status,
  assignedTo: row.assigned_to,
  unread: row.unread,
  lastMessage: row.last_message,
  lastMessageAt: row.last_message === null ? null : toTimestamp(row.last_message_at),
  createdAt: toTimestamp(row.created_at),
  seq: row.seq,
})
