import type { Principal } from '@menagerie/core'
import { type Bucket, fullBucket } from './flood.ts'

/** A socket's attachment: all of it that must survive hibernation. */
export interface Connection {
  id: string
  principal: Principal
  /** Number of the last event sent; everything after it still has to go. */
  cursor: number
  /** Malformed frames so far. */
  malformed: number
  /** This side has closed it: what arrives after that is too late. One that the client closed is not meant. */
  shut?: boolean
  /** Of the upgrade: what the frames cause belongs to its trace. */
  traceparent: string | undefined
}

/** What this instance knows of a socket besides; losing it costs nothing. */
export interface LiveConnection extends Connection {
  bucket: Bucket
  /** Gets old events, and may take its time with them. */
  catchingUp: boolean
  /** Flushes in a row at which it had not read enough to get more. */
  stalls: number
}

const MAX_ATTACHMENT_BYTES = 8 * 1024

/** Writes the attachment. */
export function saveConnection(ws: WebSocket, connection: Connection): void {
  const { id, principal, cursor, malformed, shut = false, traceparent } = connection
  ws.serializeAttachment({
    id,
    principal,
    cursor,
    malformed,
    shut,
    traceparent,
  } satisfies Connection)
}

/** Reads a socket's attachment back, after hibernation for instance. */
export function loadConnection(ws: WebSocket, now: number): LiveConnection {
  const connection = ws.deserializeAttachment() as Connection
  return { ...connection, bucket: fullBucket(now), catchingUp: true, stalls: 0 }
}

/** Whether a principal fits beside the rest of an attachment. */
export const fitsAttachment = (principal: Principal): boolean =>
  Buffer.byteLength(JSON.stringify(principal)) < MAX_ATTACHMENT_BYTES - 256
