import type { JsonObject } from '@menagerie/core'
import { accountOf } from './conversation-id.ts'
import type {
  ConversationDetails,
  ConversationEvent,
  ConversationInput,
  ConversationState,
  ConversationStep,
  MessageState,
} from './conversation-types.ts'
import { isSettled, moved } from './message-status.ts'
import { createdData } from './message-view.ts'

/** Waits between looks at the carrier for a message that nobody tells of; after the last one it is given up. */
const CHECKS_MS = [60_000, 10 * 60_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000] as const
const PREVIEW_LENGTH = 200

/** A conversation begins. */
export function begin(details: ConversationDetails): ConversationStep {
  const { channel, customer } = details
  const account = channel === 'chat' ? accountOf(customer) : undefined
  return {
    state: { details, status: 'open', assignedTo: null, unread: 0, line: null, last: null },
    messages: [],
    events: [{ type: 'conversation.opened', data: { channel, customer } }],
    effects: account === undefined ? [] : [{ type: 'member', userId: account }],
  }
}

/** Pure rules of conversations: messages happen once and only move forward. */
export function step(
  state: ConversationState,
  input: ConversationInput,
  now: number,
): ConversationStep {
  switch (input.type) {
    case 'message.written':
      return (input.message.sendAt ?? now) > now
        ? schedule(state, input.message)
        : create(state, input.message, now)
    case 'timer.send':
      return input.message.seq === null ? create(state, input.message, now) : unchanged(state)
    case 'timer.check':
      return check(state, input.message, input.round, now)
    case 'carrier.report':
      return report(state, input, now)
    case 'carrier.refused':
      return move(state, [input.message], 'failed', input.reason, now)
    case 'messages.reached':
      return move(state, input.messages, 'delivered', null, now)
    case 'messages.read':
      return move(state, input.messages, 'read', null, now)
    case 'assign':
      return assign(state, input.agentId)
    case 'resolve':
      if (state.status === 'resolved') return unchanged(state)
      return {
        state: { ...state, status: 'resolved' },
        messages: [],
        events: [{ type: 'conversation.resolved', data: {} }],
        effects: [],
      }
  }
}

function schedule(state: ConversationState, message: MessageState): ConversationStep {
  const { id, direction, channel, sendAt } = message
  const at = sendAt ?? 0
  // What it says is told when its time has come.
  const data = { id, direction, channel, status: 'queued', sendAt: new Date(at).toISOString() }
  return {
    // The same values in a new object: the conversation stands as it was, and something happened.
    state: { ...state },
    messages: [message],
    events: [{ type: 'message.updated', data }],
    effects: [...authorOf(message), { type: 'timer.set', name: `send:${id}`, at }],
  }
}

/** A message is there: a resolved conversation opens again, and what leaves by a carrier is ordered from it. */
function create(state: ConversationState, written: MessageState, now: number): ConversationStep {
  const { id, direction, channel, body } = written
  const isInbound = direction === 'inbound'
  const byCarrier = channel === 'sms' || channel === 'whatsapp'
  // Where no carrier stands between, it has left as soon as it is kept.
  const status = isInbound ? 'received' : byCarrier ? 'queued' : 'sent'
  const message: MessageState = { ...written, status, createdAt: now, updatedAt: now }
  const opened: ConversationEvent[] =
    state.status === 'resolved'
      ? [{ type: 'conversation.opened', data: { reason: 'message' } }]
      : []
  return {
    state: {
      ...state,
      status: 'open',
      unread: state.unread + (isInbound ? 1 : 0),
      line: isInbound && byCarrier ? message.to : state.line,
      last: { text: [...body].slice(0, PREVIEW_LENGTH).join(''), at: now },
    },
    messages: [message],
    events: [...opened, { type: 'message.created', data: createdData(message) }],
    effects: [
      ...authorOf(message),
      ...(byCarrier && !isInbound ? [{ type: 'carrier.send' as const, messageId: id }] : []),
    ],
  }
}

const authorOf = ({ author }: MessageState) =>
  author === null ? [] : [{ type: 'member' as const, userId: author }]

function report(
  state: ConversationState,
  {
    message,
    report: { sid, status, reason },
  }: Extract<ConversationInput, { type: 'carrier.report' }>,
  now: number,
): ConversationStep {
  // Of another attempt, or of a message that never left by the carrier.
  if (message.direction === 'inbound' || message.seq === null) return unchanged(state)
  if (message.carrierSid !== null && message.carrierSid !== sid) return unchanged(state)
  const isNew = message.carrierSid === null
  const known: MessageState = { ...message, carrierSid: sid }
  const next = move(state, [known], status, reason, now)
  const after = next.messages[0] ?? known
  if (!isNew) return next
  return {
    ...next,
    state: { ...next.state },
    messages: [after],
    effects: isSettled(after) ? next.effects : [...next.effects, checkTimer(after, 0, now)],
  }
}

/** Asks the carrier about a message that has been silent; gives up one that never got anywhere. */
function check(
  state: ConversationState,
  message: MessageState,
  round: number,
  now: number,
): ConversationStep {
  if (isSettled(message) || message.carrierSid === null) return unchanged(state)
  if (round < CHECKS_MS.length - 1)
    return {
      state: { ...state },
      messages: [],
      events: [],
      effects: [
        { type: 'carrier.check', messageId: message.id, round },
        checkTimer(message, round + 1, now),
      ],
    }
  // One that was sent may have arrived all the same: not every network tells.
  return message.status === 'queued'
    ? move(state, [message], 'failed', 'carrier_silent', now)
    : unchanged(state)
}

const checkTimer = ({ id }: MessageState, round: number, now: number) => ({
  type: 'timer.set' as const,
  name: `check:${id}`,
  at: now + (CHECKS_MS[round] ?? 0),
  data: round,
})

/** Moves messages to a status; those that are there already, or further, stay. */
function move(
  state: ConversationState,
  messages: readonly MessageState[],
  status: MessageState['status'],
  reason: string | null,
  now: number,
): ConversationStep {
  const changes = messages.flatMap((before) => {
    const after = moved(before, status, reason, now)
    return after === before ? [] : [{ before, after }]
  })
  if (changes.length === 0) return unchanged(state)
  const read = changes.filter(({ before }) => before.status === 'received').length
  return {
    state: { ...state, unread: Math.max(0, state.unread - read) },
    messages: changes.map(({ after }) => after),
    events: changes.map(({ before, after }) => ({
      type: 'message.status',
      data: statusData(before, after),
    })),
    effects: changes
      .filter(({ after }) => isSettled(after) && after.carrierSid !== null)
      .map(({ after }) => ({ type: 'timer.cancel', name: `check:${after.id}` })),
  }
}

function statusData(before: MessageState, after: MessageState): JsonObject {
  const { id, seq, status, reason } = after
  return {
    id,
    messageSeq: seq,
    status,
    previousStatus: before.status,
    ...(reason === null ? {} : { reason }),
  }
}

function assign(state: ConversationState, agentId: string | null): ConversationStep {
  if (state.status === 'resolved' || state.assignedTo === agentId) return unchanged(state)
  return {
    state: { ...state, assignedTo: agentId },
    messages: [],
    events: [{ type: 'conversation.assigned', data: { agentId, previous: state.assignedTo } }],
    effects: [],
  }
}

export const unchanged = (state: ConversationState): ConversationStep => ({
  state,
  messages: [],
  events: [],
  effects: [],
})
