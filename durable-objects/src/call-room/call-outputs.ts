import type { CallDirection } from '@menagerie/contracts'
import type { OfferedContact, WithdrawnContact } from '../contact-queue/index.ts'
import type { CallState, EndReason } from './call-types.ts'

/** What the room must do beside saving. Orders and tasks leave through the outbox. */
export type CallEffect =
  | { type: 'timer.set'; name: string; at: number }
  | { type: 'timer.cancel'; name: string }
  | CarrierOrder
  | RoomTask

/** `leg`: about that one, in the place of the room's first call. */
export type CarrierOrder =
  | { type: 'carrier.place'; leg?: string }
  /** `callSid`: that very call, or the room's own when `null`. */
  | { type: 'carrier.hangup'; callSid: string | null; leg?: string }
  | { type: 'carrier.check'; leg?: string }
  /** Have the carrier ask the voice webhook again, since the answer is another now. */
  | { type: 'carrier.redirect'; leg?: string }
  /** Play tones, then ask the voice webhook again. */
  | { type: 'carrier.digits'; digits: string }

/** What desks and queues are told. */
export type RoomTask =
  | { type: 'desk.ring'; userId: string; number: number; expiresAt: number }
  | { type: 'desk.stop'; userId: string; number: number; status: string }
  | { type: 'queue.offer'; queueId: string; contact: OfferedContact }
  | { type: 'queue.withdraw'; queueId: string; contact: WithdrawnContact }

/** An event of the call's journal, by the short types of contract §4. */
export type CallJournalEvent =
  | { type: 'call.created'; data: CreatedData }
  | { type: 'call.status'; data: StatusData }
  | { type: 'call.updated'; data: UpdatedData }
  | { type: 'participant.joined'; data: ParticipantData }
  | { type: 'participant.updated'; data: ParticipantData }
  | { type: 'participant.left'; data: ParticipantData }
  | { type: 'message.created'; data: MessageData }
  | { type: 'message.status'; data: ReadData }

export type CreatedData = {
  direction: CallDirection
  from: string
  to: string
  queueId: string | null
  agentId: string | null
  status: 'queued'
}
export type StatusData = { status: string; previousStatus: string; reason?: string }
/** Only what has changed. */
export type UpdatedData = {
  disposition?: string
  notes?: string | null
  afterContactWorkSeconds?: number
  queueId?: string
  offeredAt?: string
  agentId?: string
  /** How many tones were sent; never which. */
  digitsSent?: number
  /** A participant who was taken out. */
  removed?: string
  transfer?: 'ringing' | 'dialing' | 'consulting' | 'completed' | 'canceled' | 'failed'
  /** Why a telephone that was asked did not take the call. */
  reason?: EndReason
}
export type ParticipantData = {
  id: string
  kind: string
  address: string
  state: string
  muted?: boolean
  connectionId?: string
}
export type MessageData = {
  clientMessageId: string
  from: string
  body: string
}
export type ReadData = { seq: number; status: 'read'; by: string }

/** The outcome of one input. */
export interface Step {
  state: CallState
  events: readonly CallJournalEvent[]
  effects: readonly CallEffect[]
}
