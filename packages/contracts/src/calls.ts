import { z } from '@hono/zod-openapi'
import { Id, Metadata, PageQuery, PhoneNumber, queryInteger, Timestamp } from './primitives.ts'

export const terminalCallStatuses = [
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
] as const
export const TerminalCallStatus = z.enum(terminalCallStatuses)
export type TerminalCallStatus = z.infer<typeof TerminalCallStatus>

export const CallStatus = z.enum([
  'queued',
  'ringing',
  'in-progress',
  'on-hold',
  ...terminalCallStatuses,
])
export type CallStatus = z.infer<typeof CallStatus>

/** True for the five statuses a call never leaves. */
export const isTerminal = (status: CallStatus): status is TerminalCallStatus =>
  (terminalCallStatuses as readonly string[]).includes(status)

export const CallDirection = z.enum(['inbound', 'outbound', 'internal'])
export type CallDirection = z.infer<typeof CallDirection>

/** A phone number, or `user:{id}` for a browser. */
export const CallAddress = z
  .union([PhoneNumber, z.string().regex(/^user:[0-9a-f-]{36}$/)], {
    error: 'must be an E.164 phone number or user:{id}',
  })
  .openapi({ example: '+12025550101' })
export type CallAddress = z.infer<typeof CallAddress>

export const StartCallRequest = z
  .strictObject({
    to: CallAddress,
    from: PhoneNumber.optional(),
    queueId: Id.optional(),
    agentId: Id.optional(),
    flowId: Id.optional(),
    record: z.boolean().optional(),
    ringTimeoutSeconds: z.number().int().min(1).max(600).default(30),
    metadata: Metadata.optional(),
    statusCallback: z
      .url({ protocol: /^https$/ })
      .max(2048)
      .optional(),
  })
  .openapi('StartCallRequest')
export type StartCallRequest = z.infer<typeof StartCallRequest>

/** A single-use key to one socket. */
export const TicketGrant = z
  .strictObject({ url: z.url(), ticket: z.string(), expiresAt: Timestamp })
  .openapi('Ticket')
export type TicketGrant = z.infer<typeof TicketGrant>

export const StartedCall = z
  .strictObject({
    id: Id,
    status: CallStatus,
    direction: CallDirection,
    from: z.string(),
    to: CallAddress,
    createdAt: Timestamp,
    room: TicketGrant,
  })
  .openapi('StartedCall')
export type StartedCall = z.infer<typeof StartedCall>

/** A row of the history. Seconds are whole; a moment that did not come is `null`. */
export const CallRecord = z
  .strictObject({
    id: Id,
    direction: CallDirection,
    from: z.string(),
    to: z.string(),
    status: CallStatus,
    queueId: Id.nullable(),
    agentId: Id.nullable(),
    offeredAt: Timestamp.nullable(),
    answeredAt: Timestamp.nullable(),
    endedAt: Timestamp.nullable(),
    waitSeconds: z.number().int().nullable(),
    talkSeconds: z.number().int(),
    holdSeconds: z.number().int(),
    afterContactWorkSeconds: z.number().int(),
    durationSeconds: z.number().int(),
    disposition: z.string().nullable(),
    hangupCause: z.string().nullable(),
  })
  .openapi('CallRecord')
export type CallRecord = z.infer<typeof CallRecord>

export const Participant = z
  .strictObject({
    id: z.string(),
    kind: z.enum(['user', 'phone']),
    /** An account's id, or a phone number. */
    address: z.string(),
    state: z.enum(['invited', 'joined', 'left']),
    joinedAt: Timestamp.nullable(),
    leftAt: Timestamp.nullable(),
  })
  .openapi('Participant')
export type Participant = z.infer<typeof Participant>

export const Call = CallRecord.extend({
  createdAt: Timestamp,
  seq: z.number().int(),
  participants: z.array(Participant),
  metadata: Metadata,
}).openapi('Call')
export type Call = z.infer<typeof Call>

export const CallHistoryQuery = PageQuery.extend({
  /** Half-open: `from` ≤ createdAt < `to`. */
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  status: CallStatus.optional(),
  direction: CallDirection.optional(),
  queueId: Id.optional(),
  agentId: Id.optional(),
  number: PhoneNumber.optional(),
  format: z.enum(['json', 'csv']).default('json'),
})
export type CallHistoryQuery = z.infer<typeof CallHistoryQuery>

/** An event of a call as `/calls/{id}/events` and the socket show it. `data` is `null` after erasure. */
export const CallEvent = z
  .strictObject({
    seq: z.number().int(),
    id: z.string(),
    type: z.string(),
    time: Timestamp,
    actor: z.string(),
    data: z.record(z.string(), z.unknown()).nullable(),
  })
  .openapi('CallEvent')
export type CallEvent = z.infer<typeof CallEvent>

export const CallEventsQuery = z.strictObject({
  afterSeq: queryInteger(0, Number.MAX_SAFE_INTEGER).default(0),
  /** `meta.nextCursor` of the page before; goes before `afterSeq`. */
  cursor: queryInteger(0, Number.MAX_SAFE_INTEGER).optional(),
  limit: queryInteger(1, 200).default(50),
})
export type CallEventsQuery = z.infer<typeof CallEventsQuery>
