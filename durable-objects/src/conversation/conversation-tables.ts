import type { JournalStorage, SqlRow } from '../journal/types.ts'
import type { MessageState, Side } from './conversation-types.ts'

type Exec = JournalStorage['exec']

interface DocumentRow extends SqlRow {
  document: string
}
interface AttemptRow extends SqlRow {
  attempted_at: number
}

/** The conversation's own tables: a state that held every message would be written anew with each of them. */
export function createConversationTables(exec: Exec): void {
  exec(`CREATE TABLE messages (
    id TEXT PRIMARY KEY, document TEXT NOT NULL, seq INTEGER, direction TEXT NOT NULL, status TEXT NOT NULL,
    author TEXT, client_message_id TEXT, carrier_sid TEXT)`)
  exec('CREATE UNIQUE INDEX messages_seq ON messages (seq) WHERE seq IS NOT NULL')
  exec(`CREATE UNIQUE INDEX messages_client ON messages (author, client_message_id)
    WHERE client_message_id IS NOT NULL`)
  exec('CREATE UNIQUE INDEX messages_sid ON messages (carrier_sid) WHERE carrier_sid IS NOT NULL')
  exec('CREATE INDEX messages_status ON messages (direction, status, seq)')
  // When an order to send left whose outcome is not known.
  exec('CREATE TABLE sending (message_id TEXT PRIMARY KEY, attempted_at INTEGER NOT NULL)')
  exec('CREATE TABLE members (user_id TEXT PRIMARY KEY)')
}

const toMessage = (row: DocumentRow | undefined): MessageState | undefined =>
  row === undefined ? undefined : (JSON.parse(row.document) as MessageState)

export const findMessage = (exec: Exec, id: string): MessageState | undefined =>
  toMessage(exec<DocumentRow>('SELECT document FROM messages WHERE id = ?', id)[0])

/** The message an author sent under an id of the client's own. */
export const findByClientId = (
  exec: Exec,
  author: string,
  clientMessageId: string,
): MessageState | undefined =>
  toMessage(
    exec<DocumentRow>(
      'SELECT document FROM messages WHERE author = ? AND client_message_id = ?',
      author,
      clientMessageId,
    )[0],
  )

export const findBySid = (exec: Exec, sid: string): MessageState | undefined =>
  toMessage(exec<DocumentRow>('SELECT document FROM messages WHERE carrier_sid = ?', sid)[0])

export function saveMessage(exec: Exec, message: MessageState): void {
  exec(
    `INSERT INTO messages (id, document, seq, direction, status, author, client_message_id, carrier_sid)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET document = excluded.document, seq = excluded.seq, status = excluded.status,
       carrier_sid = excluded.carrier_sid`,
    message.id,
    JSON.stringify(message),
    message.seq,
    message.direction,
    message.status,
    message.author,
    message.clientMessageId,
    message.carrierSid,
  )
}

/** Messages before a number, newest first; those that wait for their time are not there yet. */
export const readMessages = (exec: Exec, beforeSeq: number, limit: number): MessageState[] =>
  exec<DocumentRow>(
    'SELECT document FROM messages WHERE seq < ? ORDER BY seq DESC LIMIT ?',
    beforeSeq,
    limit,
  ).map((row) => JSON.parse(row.document) as MessageState)

/** What the other side wrote and this side has not read, up to a number, oldest first. */
export const unreadBy = (exec: Exec, side: Side, upToSeq: number, limit: number): MessageState[] =>
  readStatuses(
    exec,
    side === 'staff' ? 'inbound' : 'outbound',
    side === 'staff' ? ['received'] : ['sent', 'delivered'],
    upToSeq,
    limit,
  )

/** What we wrote and no device of the customer has got, oldest first. */
export const undelivered = (exec: Exec, limit: number): MessageState[] =>
  readStatuses(exec, 'outbound', ['sent'], Number.MAX_SAFE_INTEGER, limit)

const readStatuses = (
  exec: Exec,
  direction: MessageState['direction'],
  statuses: readonly string[],
  upToSeq: number,
  limit: number,
): MessageState[] =>
  exec<DocumentRow>(
    `SELECT document FROM messages WHERE direction = ? AND seq <= ?
       AND status IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?`,
    direction,
    upToSeq,
    JSON.stringify(statuses),
    limit,
  ).map((row) => JSON.parse(row.document) as MessageState)

export const isMember = (exec: Exec, userId: string): boolean =>
  exec('SELECT 1 FROM members WHERE user_id = ?', userId).length > 0

export const addMember = (exec: Exec, userId: string): void => {
  exec('INSERT INTO members (user_id) VALUES (?) ON CONFLICT DO NOTHING', userId)
}

/** When an order to send left, while its outcome is not known. */
export const attemptedAt = (exec: Exec, messageId: string): number | undefined =>
  exec<AttemptRow>('SELECT attempted_at FROM sending WHERE message_id = ?', messageId)[0]
    ?.attempted_at

export const markAttempt = (exec: Exec, messageId: string, now: number): void => {
  exec('INSERT OR REPLACE INTO sending (message_id, attempted_at) VALUES (?, ?)', messageId, now)
}

export const forgetAttempt = (exec: Exec, messageId: string): void => {
  exec('DELETE FROM sending WHERE message_id = ?', messageId)
}
