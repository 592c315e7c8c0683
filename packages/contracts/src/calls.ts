import { z } from '@hono/zod-openapi'
import {
  freeText,
  Id,
  Metadata,
  PageQuery,
  PhoneNumber,
  queryInteger,
  Timestamp,
} from './primitives.ts'

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
    muted: z.boolean(),
  })
  .openapi('Participant')
export type Participant = z.infer<typeof Participant>

export const Call = CallRecord.extend({
  createdAt: Timestamp,
  seq: z.number().int(),
  participants: z.array(Participant),
  metadata: Metadata,
  /** What the agent wrote down with the disposition. */
  notes: z.string().nullable(),
}).openapi('Call')
export type Call = z.infer<typeof Call>

/** `RTCIceServer` of WebRTC 1.0 §4.2.4. */
export const IceServer = z.strictObject({
  urls: z.union([z.string(), z.array(z.string())]),
  username: z.string().optional(),
  credential: z.string().optional(),
})
export type IceServer = z.infer<typeof IceServer>

/** What the `welcome` of a call's socket shows. */
export const CallSnapshot = Call.extend({ iceServers: z.array(IceServer) })
export type CallSnapshot = z.infer<typeof CallSnapshot>

/**
 * What a command may say about the call it is meant for: when the call is not in that status any more, the command is
 * a `conflict` and changes nothing.
 */
const expected = { expectedStatus: CallStatus.optional() }

/** The body of `answer`, `reject`, `hold`, `resume` and `hangup`, which may be left out. */
export const CallCommandRequest = z.strictObject(expected).openapi('CallCommandRequest')
export type CallCommandRequest = z.infer<typeof CallCommandRequest>

/** A phone number, `user:{id}`, or `queue:{id}`. */
export const TransferTarget = z
  .union([CallAddress, z.string().regex(/^queue:[0-9a-f-]{36}$/)], {
    error: 'must be an E.164 phone number, user:{id} or queue:{id}',
  })
  .openapi({ example: 'user:019aa5b8-7c00-7000-8000-000000000001' })
export type TransferTarget = z.infer<typeof TransferTarget>

/**
 * `blind` hands the call over at once; `attended` asks the target first, with the call on hold; then `complete` hands
 * it over, and `cancel` takes it back.
 */
export const TransferCallRequest = z
  .union([
    z.strictObject({
      mode: z.enum(['blind', 'attended']),
      to: TransferTarget,
      ...expected,
    }),
    z.strictObject({ mode: z.enum(['complete', 'cancel']), ...expected }),
  ])
  .openapi('TransferCallRequest')
export type TransferCallRequest = z.infer<typeof TransferCallRequest>

/** Tones for the other side; `w` waits half a second. */
export const DtmfRequest = z
  .strictObject({
    digits: z.string().regex(/^[0-9A-D*#w]{1,32}$/, 'must be 1 to 32 of 0-9 A-D * # w'),
    ...expected,
  })
  .openapi('DtmfRequest')
export type DtmfRequest = z.infer<typeof DtmfRequest>

export const DispositionRequest = z
  .strictObject({ disposition: freeText(64), notes: freeText(4000).optional() })
  .openapi('DispositionRequest')
export type DispositionRequest = z.infer<typeof DispositionRequest>

/** Another queue, or another place in its own, for a call that waits. */
export const RequeueRequest = z
  .strictObject({ queueId: Id.optional(), priority: z.number().int().min(0).max(100).optional() })
  .openapi('RequeueRequest')
export type RequeueRequest = z.infer<typeof RequeueRequest>

export const CallProofQuery = z.strictObject({
  /** Numbers of the first and the last event; the whole journal unless given. */
  from: queryInteger(1, Number.MAX_SAFE_INTEGER).default(1),
  to: queryInteger(1, Number.MAX_SAFE_INTEGER).optional(),
})
export type CallProofQuery = z.infer<typeof CallProofQuery>

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)

/**
 * Hashes that bind a range of events to each other, and a head that is signed by a key of the JWKS. `head` is a JWS
 * over `{object, seq, hash, time}`; `salt` is `null` where the event was erased.
 */
export const CallProof = z
  .strictObject({
    object: z.string(),
    fromSeq: z.number().int(),
    fromHash: Sha256,
    toSeq: z.number().int(),
    toHash: Sha256,
    events: z.array(
      z.strictObject({
        seq: z.number().int(),
        salt: z.string().nullable(),
        dataHash: Sha256,
        hash: Sha256,
      }),
    ),
    head: z.string(),
  })
  .openapi('CallProof')
export type CallProof = z.infer<typeof CallProof>

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
