import type { SocketOwner } from '@menagerie/contracts'
import type { JournalStorage } from '../journal/types.ts'

type Exec = JournalStorage['exec']

/** Registrations of one session. Beyond it the oldest is forgotten: its object has most likely ended without a word. */
const MAX_OWNERS = 256

/** Objects that hold a socket of a session, so that its end can be told to them. Not history: a table of its own. */
export function createSocketOwners(exec: Exec): void {
  exec(`CREATE TABLE socket_owners (
    sid TEXT NOT NULL,
    class TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (sid, class, name)
  )`)
}

export function addSocketOwner(exec: Exec, sid: string, owner: SocketOwner): void {
  exec(
    'INSERT INTO socket_owners (sid, class, name) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    sid,
    owner.class,
    owner.name,
  )
  exec(
    `DELETE FROM socket_owners WHERE sid = ? AND rowid NOT IN
       (SELECT rowid FROM socket_owners WHERE sid = ? ORDER BY rowid DESC LIMIT ${MAX_OWNERS})`,
    sid,
    sid,
  )
}

export function removeSocketOwner(exec: Exec, sid: string, owner: SocketOwner): void {
  exec(
    'DELETE FROM socket_owners WHERE sid = ? AND class = ? AND name = ?',
    sid,
    owner.class,
    owner.name,
  )
}

export function socketOwners(exec: Exec, sid: string): SocketOwner[] {
  return exec<{ class: SocketOwner['class']; name: string }>(
    'SELECT class, name FROM socket_owners WHERE sid = ? ORDER BY rowid',
    sid,
  )
}

export function removeSocketOwners(exec: Exec, sid: string): void {
  exec('DELETE FROM socket_owners WHERE sid = ?', sid)
}
