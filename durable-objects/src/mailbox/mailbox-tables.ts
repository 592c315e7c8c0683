import type { JournalStorage, SqlRow } from '../journal/types.ts'
import type { NotificationState } from './notification-types.ts'

type Exec = JournalStorage['exec']

const DEDUPE_MS = 24 * 60 * 60 * 1000
/** What has ended is kept as long as the mailbox's events. */
export const KEPT_MS = 90 * 24 * 60 * 60 * 1000

interface DocumentRow extends SqlRow {
  document: string
}
interface InboxRow extends DocumentRow {
  inbox_seq: number
  inbox_at: number
}
interface DedupeRow extends SqlRow {
  notification_id: string
}

/** The mailbox's own tables: a state that held every notification would be written anew with each change of one. */
export function createMailboxTables(exec: Exec): void {
  exec(`CREATE TABLE notifications (
    id TEXT PRIMARY KEY, document TEXT NOT NULL, ended_at INTEGER, inbox_seq INTEGER, inbox_at INTEGER)`)
  exec(
    'CREATE UNIQUE INDEX notifications_inbox ON notifications (inbox_seq) WHERE inbox_seq IS NOT NULL',
  )
  exec('CREATE INDEX notifications_ended ON notifications (ended_at) WHERE ended_at IS NOT NULL')
  exec(
    'CREATE TABLE dedupe (key TEXT PRIMARY KEY, notification_id TEXT NOT NULL, at INTEGER NOT NULL)',
  )
  exec('CREATE INDEX dedupe_at ON dedupe (at)')
}

export function findNotification(exec: Exec, id: string): NotificationState | undefined {
  const [row] = exec<DocumentRow>('SELECT document FROM notifications WHERE id = ?', id)
  return row === undefined ? undefined : (JSON.parse(row.document) as NotificationState)
}

/** @param inbox where it stands in the feed, when this change put it there */
export function saveNotification(
  exec: Exec,
  state: NotificationState,
  inbox: { seq: number; at: number } | undefined,
): void {
  exec(
    `INSERT INTO notifications (id, document, ended_at, inbox_seq, inbox_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (id) DO UPDATE SET document = excluded.document, ended_at = excluded.ended_at,
       inbox_seq = coalesce(excluded.inbox_seq, inbox_seq), inbox_at = coalesce(excluded.inbox_at, inbox_at)`,
    state.details.id,
    JSON.stringify(state),
    'endedAt' in state.phase ? state.phase.endedAt : null,
    inbox?.seq ?? null,
    inbox?.at ?? null,
  )
}

/** The notification that used the key in the last 24 hours. */
export function findDuplicate(exec: Exec, key: string, now: number): NotificationState | undefined {
  const [row] = exec<DedupeRow>(
    'SELECT notification_id FROM dedupe WHERE key = ? AND at > ?',
    key,
    now - DEDUPE_MS,
  )
  return row === undefined ? undefined : findNotification(exec, row.notification_id)
}

export function recordDedupeKey(exec: Exec, key: string, id: string, now: number): void {
  exec('INSERT OR REPLACE INTO dedupe (key, notification_id, at) VALUES (?, ?, ?)', key, id, now)
}

/** Forgets what is too old to matter. */
export function tidyMailbox(exec: Exec, now: number): void {
  exec('DELETE FROM dedupe WHERE at <= ?', now - DEDUPE_MS)
  exec('DELETE FROM notifications WHERE ended_at <= ?', now - KEPT_MS)
}

/** The feed before a number, newest first. */
export function readInbox(
  exec: Exec,
  beforeSeq: number,
  limit: number,
): { state: NotificationState; seq: number; at: number }[] {
  return exec<InboxRow>(
    `SELECT document, inbox_seq, inbox_at FROM notifications WHERE inbox_seq < ?
     ORDER BY inbox_seq DESC LIMIT ?`,
    beforeSeq,
    limit,
  ).map(({ document, inbox_seq, inbox_at }) => ({
    state: JSON.parse(document) as NotificationState,
    seq: inbox_seq,
    at: inbox_at,
  }))
}
