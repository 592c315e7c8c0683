import { z } from '@hono/zod-openapi'
import { CallDirection, CallRecord } from './calls.ts'
import { freeText, Id, Metadata, PageQuery, Timestamp } from './primitives.ts'

/**
 * What an agent does. `available` takes contacts; `busy` is chosen, or set while the capacity is used up;
 * `after-contact-work` follows a contact and ends by its timer or by another choice.
 */
export const activityNames = [
  'offline',
  'available',
  'busy',
  'break',
  'after-contact-work',
] as const
export const ActivityName = z.enum(activityNames)
export type ActivityName = z.infer<typeof ActivityName>

/** A word for what somebody can do: a language, a product. */
export const Skill = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be lower-case letters, digits and -')
export type Skill = z.infer<typeof Skill>

export const Skills = z
  .array(Skill)
  .max(50)
  .refine((skills) => new Set(skills).size === skills.length, 'must not repeat')

/** A call that waits for an agent, as the agent sees it. */
export const Contact = z
  .strictObject({
    callId: Id,
    queueId: Id,
    direction: CallDirection,
    from: z.string(),
    to: z.string(),
    /** 0 to 100; the highest goes first. */
    priority: z.number().int(),
    skills: Skills,
    offeredAt: Timestamp,
    metadata: Metadata,
  })
  .openapi('Contact')
export type Contact = z.infer<typeof Contact>

export const reservationStates = ['pending', 'accepted', 'rejected', 'timeout', 'canceled'] as const
export const ReservationState = z.enum(reservationStates)
export type ReservationState = z.infer<typeof ReservationState>

/** A contact that is kept for one agent until the agent takes it, refuses it, or lets it run out. */
export const Reservation = z
  .strictObject({
    id: Id,
    agentId: Id,
    state: ReservationState,
    contact: Contact,
    queueName: z.string(),
    /** How long the contact had waited when it was reserved. */
    waitSeconds: z.number().int(),
    /** The newest calls with the same number, newest first, at most five. */
    history: z.array(CallRecord).max(5),
    createdAt: Timestamp,
    expiresAt: Timestamp,
  })
  .openapi('Reservation')
export type Reservation = z.infer<typeof Reservation>

/** A call that uses some of an agent's capacity. */
export const AgentContact = z.strictObject({
  callId: Id,
  queueId: Id.nullable(),
  since: Timestamp,
})
export type AgentContact = z.infer<typeof AgentContact>

/** A call that rings at an account's devices without a queue. */
export const RingingCall = z.strictObject({
  callId: Id,
  direction: CallDirection,
  from: z.string(),
  to: z.string(),
  expiresAt: Timestamp,
})
export type RingingCall = z.infer<typeof RingingCall>

/** An agent as the desk knows it. */
export const Agent = z
  .strictObject({
    id: Id,
    displayName: z.string().nullable(),
    activity: ActivityName,
    since: Timestamp,
    /** When the timer of `after-contact-work` ends it; `null` for every other activity. */
    until: Timestamp.nullable(),
    /** Chosen during a contact; follows when the contact and its work are over. */
    nextActivity: ActivityName.nullable(),
    /** Contacts at once. */
    capacity: z.number().int(),
    skills: Skills,
    /** The queues the agent serves; `null` for every queue whose skills the agent has. */
    queueIds: z.array(Id).nullable(),
    wrapUpSeconds: z.number().int(),
    /** Whether a device of the agent is connected: only then contacts are offered. */
    connected: z.boolean(),
    contacts: z.array(AgentContact),
    reservations: z.array(Reservation),
    /** Calls that ring without a queue. */
    ringing: z.array(RingingCall),
    /** Newest number of the desk's events. */
    seq: z.number().int(),
  })
  .openapi('Agent')
export type Agent = z.infer<typeof Agent>

export const SetActivityRequest = z
  .strictObject({ name: ActivityName })
  .openapi('SetActivityRequest')
export type SetActivityRequest = z.infer<typeof SetActivityRequest>

/** What a supervisor says of an agent; replaces what was said before, so the skills must be said. */
export const PutAgentRequest = z
  .strictObject({
    displayName: freeText(100).nullable().default(null),
    skills: Skills,
    queueIds: z.array(Id).max(100).nullable().default(null),
    capacity: z.number().int().min(1).max(20).default(1),
    wrapUpSeconds: z.number().int().min(0).max(3600).default(30),
  })
  .openapi('PutAgentRequest')
export type PutAgentRequest = z.infer<typeof PutAgentRequest>

/** A row of the list of agents: a projection of the desks. */
export const AgentSummary = Agent.pick({
  id: true,
  displayName: true,
  activity: true,
  since: true,
  capacity: true,
  skills: true,
  queueIds: true,
  wrapUpSeconds: true,
  connected: true,
})
  .extend({ activeContacts: z.number().int() })
  .openapi('AgentSummary')
export type AgentSummary = z.infer<typeof AgentSummary>

export const AgentListQuery = PageQuery.extend({ activity: ActivityName.optional() })
export type AgentListQuery = z.infer<typeof AgentListQuery>
