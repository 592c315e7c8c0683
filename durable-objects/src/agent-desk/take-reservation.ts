import type { Result } from '@menagerie/core'
import { ok } from '@menagerie/core'
import type { DeskBook } from './desk-book.ts'
import { readCustomerHistory } from './desk-reads.ts'
import { stepDesk } from './desk-state.ts'
import type { AgentDeskError, DeskContext, ReserveCommand, Reserved } from './desk-types.ts'
import { inTime } from './in-time.ts'
import { reservationDocument } from './reservation-document.ts'

/** A history that takes longer is left out: the customer waits. */
const HISTORY_MS = 1_000

interface ReservationHost {
  book: DeskBook
  db: D1Database
  /** Whether nobody is there who may see a contact, but somebody who may not. */
  hidden: () => boolean
  now: () => number
  /** Told of a history that could not be read. */
  fault: (error: unknown) => void
}

/** Keeps a contact for the agent, if that fits. What was answered once is answered again. */
export async function takeReservation(
  { book, db, hidden, now, fault }: ReservationHost,
  command: ReserveCommand,
  context: DeskContext,
): Promise<Result<Reserved & { replayed: boolean }, AgentDeskError>> {
  const { state } = book
  if (state === undefined) return ok({ outcome: 'refused', version: 0, replayed: true })
  if (hidden()) return ok({ outcome: 'refused', version: state.version, replayed: true })
  const { reservationId, contact, offer, expiresAt } = command
  const { callId, queueId, skills } = contact
  const input = {
    type: 'reserve',
    reservationId,
    callId,
    queueId,
    offer,
    skills,
    expiresAt,
  } as const
  // Read before anything is decided, and only for what will be shown; without it the agent takes the call as well.
  const fits = stepDesk(state, input, now()).events.length > 0
  const reading = fits ? readCustomerHistory(db, contact) : Promise.resolve([])
  const history = await inTime(reading, HISTORY_MS).catch((error: unknown) => {
    fault(error)
    return []
  })
  const taken = book.take(
    { actor: 'queue', source: 'service', id: reservationId, body: { type: 'reserve' }, context },
    input,
    reservationDocument(command, history, now()),
  )
  if (!taken.ok) return taken
  const { outcome, replayed } = taken.value
  return ok({
    outcome: outcome.refusal === null ? 'pending' : 'refused',
    version: outcome.version,
    replayed,
  })
}
