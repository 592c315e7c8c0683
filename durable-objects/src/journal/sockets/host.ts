import type { JsonValue, Principal } from '@menagerie/core'
import type { Exec } from '../schema.ts'
import type { JournalEvent, JournalObservation, SocketOptions } from '../types.ts'

/** What the sockets need of their journal. */
export interface SocketHost {
  exec: Exec
  now: () => number
  exists: () => boolean
  /** The newest number. */
  head: () => number
  /** Numbers up to this one are gone by retention. */
  base: () => number
  events: (afterSeq: number, limit: number) => JournalEvent[]
  /** Undefined when the object has no sockets. */
  options: Pick<SocketOptions<unknown>, 'admit' | 'command' | 'closed' | 'opened'> | undefined
  snapshot: (principal: Principal) => JsonValue
  ended: () => boolean
  /** The earliest end of a token may have changed. */
  dueChanged: () => void
  /** Resolved once all that was written so far is on disk. */
  settled: () => Promise<void>
  observe: (what: JournalObservation) => void
}

/** A frame from the server, contract §4. */
export interface ServerFrame {
  type: string
  id?: string
  data: JsonValue
}
