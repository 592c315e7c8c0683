import type {
  ActivityName,
  CallDirection,
  CallStatus,
  ConversationStatus,
  FlowStep,
  MessageChannel,
} from '@menagerie/contracts'
import { sql } from 'drizzle-orm'
// biome-ignore lint/suspicious/noDeprecatedImports: only the form without `columns` is deprecated
import { index, integer, primaryKey, sqliteTable, text } from 'drizzle-orm/sqlite-core'

/**
 * The history of calls: a projection that the rooms write, each row as of its event `seq`. The truth stays in the
 * rooms. Times are milliseconds since the epoch.
 */
export const calls = sqliteTable(
  'calls',
  {
    id: text('id').primaryKey(),
    /** An older row never overwrites a newer one. */
    seq: integer('seq').notNull(),
    direction: text('direction').$type<CallDirection>().notNull(),
    fromAddress: text('from_address').notNull(),
    toAddress: text('to_address').notNull(),
    status: text('status').$type<CallStatus>().notNull(),
    queueId: text('queue_id'),
    agentId: text('agent_id'),
    createdAt: integer('created_at').notNull(),
    offeredAt: integer('offered_at'),
    answeredAt: integer('answered_at'),
    endedAt: integer('ended_at'),
    waitSeconds: integer('wait_seconds'),
    talkSeconds: integer('talk_seconds').notNull(),
    holdSeconds: integer('hold_seconds').notNull(),
    afterContactWorkSeconds: integer('after_contact_work_seconds').notNull(),
    durationSeconds: integer('duration_seconds').notNull(),
    disposition: text('disposition'),
    hangupCause: text('hangup_cause'),
  },
  (table) => [
    index('calls_created_at').on(table.createdAt, table.id),
    index('calls_active').on(table.id).where(sql`ended_at IS NULL`),
    index('calls_from').on(table.fromAddress, table.createdAt, table.id),
    index('calls_to').on(table.toAddress, table.createdAt, table.id),
    index('calls_queue').on(table.queueId, table.createdAt, table.id),
    index('calls_agent').on(table.agentId, table.createdAt, table.id),
  ],
)

/** Whose calls they are: the starter, the agent and every user who takes part. */
export const callMembers = sqliteTable(
  'call_members',
  {
    userId: text('user_id').notNull(),
    callId: text('call_id').notNull(),
    /** The call's, so that one index lists a user's calls in order. */
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.userId, table.callId] }),
    index('call_members_created_at').on(table.userId, table.createdAt, table.callId),
  ],
)

/** The list of queues: a projection of the `ContactQueue` objects; `seq` is the queue's version. */
export const queues = sqliteTable(
  'queues',
  {
    id: text('id').primaryKey(),
    seq: integer('seq').notNull(),
    name: text('name').notNull(),
    skills: text('skills', { mode: 'json' }).$type<string[]>().notNull(),
    priority: integer('priority').notNull(),
    reservationTimeoutSeconds: integer('reservation_timeout_seconds').notNull(),
    serviceLevelSeconds: integer('service_level_seconds').notNull(),
    version: integer('version').notNull(),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
    /** Set once it was removed; the row stays so that a late older one cannot bring it back. */
    removedAt: integer('removed_at'),
  },
  (table) => [index('queues_name').on(table.name, table.id)],
)

/** The list of agents: a projection of the `AgentDesk` objects; `seq` is the desk's version, since not every change is an event. */
export const agents = sqliteTable(
  'agents',
  {
    userId: text('user_id').primaryKey(),
    seq: integer('seq').notNull(),
    displayName: text('display_name'),
    skills: text('skills', { mode: 'json' }).$type<string[]>().notNull(),
    /** `null`: every queue whose skills the agent has. */
    queueIds: text('queue_ids', { mode: 'json' }).$type<string[]>(),
    capacity: integer('capacity').notNull(),
    wrapUpSeconds: integer('wrap_up_seconds').notNull(),
    activity: text('activity').$type<ActivityName>().notNull(),
    activitySince: integer('activity_since').notNull(),
    connected: integer('connected', { mode: 'boolean' }).notNull(),
    activeContacts: integer('active_contacts').notNull(),
  },
  (table) => [index('agents_activity').on(table.activity, table.userId)],
)

/** Call-flow documents. */
export const flows = sqliteTable(
  'flows',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    steps: text('steps', { mode: 'json' }).$type<FlowStep[]>().notNull(),
    version: integer('version').notNull(),
    /** SHA-256 of the request that made it, where its id came from an `Idempotency-Key`. */
    requestHash: text('request_hash'),
    createdAt: integer('created_at').notNull(),
    updatedAt: integer('updated_at').notNull(),
  },
  (table) => [index('flows_name').on(table.name, table.id)],
)

/** Which flow the incoming calls to a number follow. */
export const flowNumbers = sqliteTable(
  'flow_numbers',
  {
    /** E.164. */
    number: text('number').primaryKey(),
    flowId: text('flow_id')
      .notNull()
      .references(() => flows.id, { onDelete: 'cascade' }),
  },
  (table) => [index('flow_numbers_flow').on(table.flowId)],
)

/** The list of conversations: a projection of the `Conversation` objects, each row as of the object's event `seq`. */
export const conversations = sqliteTable(
  'conversations',
  {
    id: text('id').primaryKey(),
    seq: integer('seq').notNull(),
    channel: text('channel').$type<MessageChannel>().notNull(),
    customer: text('customer').notNull(),
    status: text('status').$type<ConversationStatus>().notNull(),
    assignedTo: text('assigned_to'),
    unread: integer('unread').notNull(),
    lastMessage: text('last_message'),
    /** When something was last said; when it was opened where nothing was. */
    lastMessageAt: integer('last_message_at').notNull(),
    createdAt: integer('created_at').notNull(),
  },
  (table) => [
    index('conversations_newest').on(table.lastMessageAt, table.id),
    index('conversations_customer').on(table.customer, table.lastMessageAt, table.id),
    index('conversations_assigned').on(table.assignedTo, table.lastMessageAt, table.id),
  ],
)

/** Whose conversations they are: the customer where that is an account, and everybody who wrote in them. */
export const conversationMembers = sqliteTable(
  'conversation_members',
  {
    userId: text('user_id').notNull(),
    conversationId: text('conversation_id').notNull(),
  },
  (table) => [primaryKey({ columns: [table.userId, table.conversationId] })],
)

/** Which request used an `Idempotency-Key`, 24 hours: the same key may name another customer, whose conversation knows nothing. */
export const messageKeys = sqliteTable(
  'message_keys',
  {
    /** The message's id, derived from principal, route and key. */
    id: text('id').primaryKey(),
    /** SHA-256 of the canonical body. */
    bodyHash: text('body_hash').notNull(),
    expiresAt: integer('expires_at').notNull(),
  },
  (table) => [index('message_keys_expires_at').on(table.expiresAt)],
)
