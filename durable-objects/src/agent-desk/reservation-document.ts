import type { CallRecord, Contact, Reservation } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { ReserveCommand } from './desk-types.ts'

/** Room for what a reservation says beside the contact's metadata, under the 64 KiB of an event. */
const MAX_METADATA_BYTES = 32 * 1024

/** What a reservation is about, as its agent sees it. @param now milliseconds since the epoch */
export function reservationDocument(
  { reservationId, agentId, contact, queueName, expiresAt }: ReserveCommand,
  history: CallRecord[],
  now: number,
): Reservation {
  return {
    id: reservationId,
    agentId,
    state: 'pending',
    contact: withinBounds(contact),
    queueName,
    waitSeconds: Math.max(0, Math.round((now - Date.parse(contact.offeredAt)) / 1000)),
    history,
    createdAt: toTimestamp(now),
    expiresAt: toTimestamp(expiresAt),
  }
}

/** A contact whose metadata would not fit into an event goes without: the call's room shows them. */
const withinBounds = (contact: Contact): Contact =>
  Buffer.byteLength(JSON.stringify(contact.metadata)) > MAX_METADATA_BYTES
    ? { ...contact, metadata: {} }
    : contact
