import type { JsonObject } from '@menagerie/core'
import type { Destination, JournalStorage } from '../journal/types.ts'
import { attemptedAt, forgetAttempt, markAttempt } from './conversation-tables.ts'
import type { MessageReport, MessageState } from './conversation-types.ts'
import { type MessageCarrier, MessageCarrierAway, type MessageOrder } from './message-carrier.ts'
import { isSettled } from './message-status.ts'

/** An order whose answer was lost may take this long to show in the carrier's list. */
const SETTLE_MS = 5_000
/** A message that could not leave for this long comes too late for whoever waits for it. */
const GIVE_UP_MS = 24 * 60 * 60_000

export interface MessageDeskHost {
  carrier: MessageCarrier
  conversationId: () => string
  exec: JournalStorage['exec']
  now: () => number
  /** The message as it is now; it may change while the carrier is asked. */
  message: (id: string) => MessageState | undefined
  /** Whether a carrier's id is that of a message we know. */
  isKnown: (sid: string) => boolean
  report: (messageId: string, report: MessageReport) => void
  refuse: (messageId: string, reason: string) => void
}

type Order = { type: 'carrier.send' | 'carrier.check'; messageId: string }

/**
 * Carries out a conversation's orders to its carrier, from the outbox: none is lost by a crash, and nobody gets a text
 * twice. An order is marked before it leaves; a mark that is found without a known outcome means that it may have
 * arrived, and then the carrier is asked before anything is sent again.
 */
export function messageDesk(host: MessageDeskHost): Destination {
  const { carrier, exec, now } = host
  // Kept in memory only: forgetting it means one request too early.
  let notBefore = 0

  /** A message that still has to leave. */
  const waiting = (id: string): MessageState | undefined => {
    const message = host.message(id)
    return message?.status === 'queued' && message.carrierSid === null ? message : undefined
  }

  async function send(id: string): Promise<void> {
    const before = waiting(id)
    if (before === undefined) return forgetAttempt(exec, id)
    const since = attemptedAt(exec, id)
    if (before.createdAt + GIVE_UP_MS < now()) {
      host.refuse(id, since === undefined ? 'carrier_away' : 'carrier_unsure')
      return forgetAttempt(exec, id)
    }
    if (since !== undefined) await lookUp(before, since)
    // A webhook may have told of it meanwhile.
    const message = waiting(id)
    if (message === undefined) return forgetAttempt(exec, id)
    if (now() < notBefore) throw new MessageCarrierAway('The carrier asked us to wait')
    markAttempt(exec, id, now())
    const taken = await carrier.send(orderOf(message))
    switch (taken.outcome) {
      case 'accepted':
        host.report(id, taken.report)
        return forgetAttempt(exec, id)
      case 'refused':
        host.refuse(id, taken.reason)
        return forgetAttempt(exec, id)
      case 'busy':
        forgetAttempt(exec, id)
        notBefore = now() + taken.retryAfterSeconds * 1000
        throw new MessageCarrierAway('The carrier has too much to do')
      case 'unsure':
        throw new MessageCarrierAway(taken.detail)
    }
  }

  /**
   * Whether an order whose answer was lost made a message. Whatever goes from our number to this customer passes through
   * this conversation, so a message with this text that none of ours accounts for is the one.
   */
  async function lookUp(message: MessageState, since: number): Promise<void> {
    const found = await carrier.find(orderOf(message), since)
    const mine = found.find(({ sid }) => !host.isKnown(sid))
    if (mine !== undefined) return host.report(message.id, mine)
    if (now() < since + SETTLE_MS) throw new MessageCarrierAway('The order may still arrive')
  }

  async function check(id: string): Promise<void> {
    const message = host.message(id)
    if (message === undefined || message.carrierSid === null || isSettled(message)) return
    const report = await carrier.fetch(message.carrierSid)
    if (report === undefined) host.refuse(id, 'carrier_lost')
    else host.report(id, report)
  }

  const orderOf = ({ id, channel, to, from, body, mediaUrls }: MessageState): MessageOrder => {
    if (channel !== 'sms' && channel !== 'whatsapp')
      throw new Error(`No carrier takes messages for ${channel}`)
    return {
      messageId: id,
      conversationId: host.conversationId(),
      channel,
      to,
      from,
      body,
      mediaUrls,
    }
  }

  return {
    delivery: 'confirmed',
    batchSize: 1,
    async send(rows: readonly { id: string; body: JsonObject }[]) {
      for (const { body } of rows) {
        const { type, messageId } = body as unknown as Order
        if (type === 'carrier.send') await send(messageId)
        else await check(messageId)
      }
    },
  }
}
