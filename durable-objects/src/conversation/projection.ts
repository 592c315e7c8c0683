import type { ConversationStatus, MessageChannel } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { Destination } from '../journal/types.ts'
import type { ConversationEffect, ConversationState } from './conversation-types.ts'

/** A conversation's row as of its event `seq`. Times are milliseconds since the epoch. */
export interface ProjectedConversation {
  id: string
  seq: number
  channel: MessageChannel
  customer: string
  status: ConversationStatus
  assignedTo: string | null
  unread: number
  lastMessage: string | null
  lastMessageAt: number
  createdAt: number
  /** Who sees it in their lists from now on. */
  members: string[]
}

export const toProjected = (
  { details, status, assignedTo, unread, last }: ConversationState,
  seq: number,
  effects: readonly ConversationEffect[],
): ProjectedConversation => ({
  id: details.id,
  seq,
  channel: details.channel,
  customer: details.customer,
  status,
  assignedTo,
  unread,
  lastMessage: last?.text ?? null,
  lastMessageAt: last?.at ?? details.createdAt,
  createdAt: details.createdAt,
  members: effects.flatMap((effect) => (effect.type === 'member' ? [effect.userId] : [])),
})

// An older row never overwrites a newer one, however late and often it arrives.
const upsert = `INSERT INTO conversations (id, seq, channel, customer, status, assigned_to, unread, last_message,
  last_message_at, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET seq = excluded.seq, status = excluded.status, assigned_to = excluded.assigned_to,
  unread = excluded.unread, last_message = excluded.last_message, last_message_at = excluded.last_message_at
WHERE excluded.seq > conversations.seq`

const addMember = `INSERT INTO conversation_members (user_id, conversation_id) VALUES (?, ?)
ON CONFLICT DO NOTHING`

/** The list's rows in D1, made again from what the conversation knows. */
export const projectionDestination = (db: D1Database): Destination => ({
  delivery: 'confirmed',
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    await db.batch(
      rows.flatMap(({ body }) => statementsOf(db, body as unknown as ProjectedConversation)),
    )
  },
})

const statementsOf = (db: D1Database, row: ProjectedConversation): D1PreparedStatement[] => [
  db
    .prepare(upsert)
    .bind(
      row.id,
      row.seq,
      row.channel,
      row.customer,
      row.status,
      row.assignedTo,
      row.unread,
      row.lastMessage,
      row.lastMessageAt,
      row.createdAt,
    ),
  ...row.members.map((userId) => db.prepare(addMember).bind(userId, row.id)),
]
