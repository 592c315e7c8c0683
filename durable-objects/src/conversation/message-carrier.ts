import type { MessageReport } from './conversation-types.ts'

/** What a carrier needs to send. */
export interface MessageOrder {
  /** The message's id: in the callback's query, and the token that makes a repeat recognisable. */
  messageId: string
  conversationId: string
  channel: 'sms' | 'whatsapp'
  to: string
  from: string
  body: string
  mediaUrls: string[]
}

/** What became of an order. `unsure`: it may have arrived, so it must not be sent again before `find` has looked. */
export type Taken =
  | { outcome: 'accepted'; report: MessageReport }
  | { outcome: 'refused'; reason: string }
  | { outcome: 'busy'; retryAfterSeconds: number }
  | { outcome: 'unsure'; detail: string }

/** A carrier of text messages, as far as a conversation orders it about. What it tells comes in as webhooks. */
export interface MessageCarrier {
  send(order: MessageOrder): Promise<Taken>
  /**
   * Messages that an order since `since` (milliseconds) may have made, the likeliest first. Throws when the carrier is
   * away.
   */
  find(order: MessageOrder, since: number): Promise<MessageReport[]>
  /** The message as the carrier knows it; `undefined` where it does not. Throws when the carrier is away. */
  fetch(sid: string): Promise<MessageReport | undefined>
}

/** The carrier did not answer, or not with sense: try again later. */
export class MessageCarrierAway extends Error {
  override name = 'MessageCarrierAway'
}
