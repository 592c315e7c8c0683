import type { JournalStorage, SqlRow } from '../journal/types.ts'
import { type BookChanges, QueueBook } from './queue-book.ts'
import type { AgentEntry, Past, PastContact, PastReservation, WaitingEntry } from './queue-model.ts'

type Exec = JournalStorage['exec']

/** What is over is remembered for a week: messages that come later than that are taken for new ones. */
const PAST_MS = 7 * 24 * 60 * 60 * 1000

interface DocumentRow extends SqlRow {
  document: string
}
interface PastContactRow extends SqlRow {
  call_id: string
  offer: number
  outcome: string
}
interface PastReservationRow extends PastContactRow {
  id: string
  agent_id: string
}

/** The queue's own tables: a state that held everybody who waits would be written anew with each of them. */
export function createQueueTables(exec: Exec): void {
  exec(`CREATE TABLE contacts (
    call_id TEXT PRIMARY KEY, priority INTEGER NOT NULL, offered_at INTEGER NOT NULL, document TEXT NOT NULL)`)
  exec('CREATE INDEX contacts_order ON contacts (priority DESC, offered_at, call_id)')
  exec('CREATE TABLE agents (agent_id TEXT PRIMARY KEY, document TEXT NOT NULL)')
  exec(`CREATE TABLE past_contacts (
    call_id TEXT PRIMARY KEY, offer INTEGER NOT NULL, outcome TEXT NOT NULL, at INTEGER NOT NULL)`)
  exec('CREATE INDEX past_contacts_at ON past_contacts (at)')
  exec(`CREATE TABLE past_reservations (
    id TEXT PRIMARY KEY, call_id TEXT NOT NULL, offer INTEGER NOT NULL, agent_id TEXT NOT NULL,
    outcome TEXT NOT NULL, at INTEGER NOT NULL)`)
  exec('CREATE INDEX past_reservations_at ON past_reservations (at)')
}

/** Everybody who waits and serves, as it was written last. */
export function loadBook(exec: Exec): QueueBook {
  const book = new QueueBook()
  for (const { document } of exec<DocumentRow>('SELECT document FROM agents'))
    book.putAgent(JSON.parse(document) as AgentEntry)
  const inOrder = 'SELECT document FROM contacts ORDER BY priority DESC, offered_at, call_id'
  for (const { document } of exec<DocumentRow>(inOrder))
    book.putContact(JSON.parse(document) as WaitingEntry)
  book.takeChanges()
  return book
}

/** Writes the rows that an input has changed, and no others. */
export function saveBook(exec: Exec, book: QueueBook, changes: BookChanges, now: number): void {
  for (const callId of changes.contacts) {
    const entry = book.contact(callId)
    if (entry === undefined) exec('DELETE FROM contacts WHERE call_id = ?', callId)
    else
      exec(
        'INSERT OR REPLACE INTO contacts (call_id, priority, offered_at, document) VALUES (?, ?, ?, ?)',
        callId,
        entry.priority,
        entry.offeredAt,
        JSON.stringify(entry),
      )
  }
  for (const agentId of changes.agents)
    exec(
      'INSERT OR REPLACE INTO agents (agent_id, document) VALUES (?, ?)',
      agentId,
      JSON.stringify(book.agent(agentId)),
    )
  for (const { callId, offer, outcome } of changes.pastContacts)
    exec(
      'INSERT OR REPLACE INTO past_contacts (call_id, offer, outcome, at) VALUES (?, ?, ?, ?)',
      callId,
      offer,
      outcome,
      now,
    )
  for (const { id, callId, offer, agentId, outcome } of changes.pastReservations)
    exec(
      `INSERT OR REPLACE INTO past_reservations (id, call_id, offer, agent_id, outcome, at)
       VALUES (?, ?, ?, ?, ?, ?)`,
      id,
      callId,
      offer,
      agentId,
      outcome,
      now,
    )
  if (changes.pastContacts.length === 0) return
  exec('DELETE FROM past_contacts WHERE at <= ?', now - PAST_MS)
  exec('DELETE FROM past_reservations WHERE at <= ?', now - PAST_MS)
}

/** What is over, read where something late asks for it. */
export const pastOf = (exec: Exec): Past => ({
  contact(callId) {
    const [row] = exec<PastContactRow>(
      'SELECT call_id, offer, outcome FROM past_contacts WHERE call_id = ?',
      callId,
    )
    return row && { callId, offer: row.offer, outcome: row.outcome as PastContact['outcome'] }
  },
  reservation(id) {
    const [row] = exec<PastReservationRow>(
      'SELECT id, call_id, offer, agent_id, outcome FROM past_reservations WHERE id = ?',
      id,
    )
    return (
      row && {
        id,
        callId: row.call_id,
        offer: row.offer,
        agentId: row.agent_id,
        outcome: row.outcome as PastReservation['outcome'],
      }
    )
  },
})

/** A page of those who wait, the next one first. */
export const readWaiting = (exec: Exec, afterPosition: number, limit: number): WaitingEntry[] =>
  exec<DocumentRow>(
    `SELECT document FROM contacts ORDER BY priority DESC, offered_at, call_id LIMIT ? OFFSET ?`,
    limit,
    afterPosition,
  ).map(({ document }) => JSON.parse(document) as WaitingEntry)
