import { z } from '@hono/zod-openapi'
import { ActivityName, Contact, Skills } from './agents.ts'
import { freeText, Id, PageQuery, Timestamp } from './primitives.ts'

const queueFields = {
  name: freeText(100),
  /** What an agent must have to serve the queue; a contact may ask for more. */
  skills: Skills,
  /** Of its contacts, unless a flow says otherwise: 0 to 100, the highest goes first. */
  priority: z.number().int().min(0).max(100),
  /** How long an agent has to take a contact. */
  reservationTimeoutSeconds: z.number().int().min(1).max(300),
  /** Within which an answer counts for the service level. */
  serviceLevelSeconds: z.number().int().min(1).max(3600),
}

export const Queue = z
  .strictObject({
    id: Id,
    ...queueFields,
    version: z.number().int(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .openapi('Queue')
export type Queue = z.infer<typeof Queue>

export const CreateQueueRequest = z
  .strictObject({
    ...queueFields,
    skills: queueFields.skills.default([]),
    priority: queueFields.priority.default(50),
    reservationTimeoutSeconds: queueFields.reservationTimeoutSeconds.default(20),
    serviceLevelSeconds: queueFields.serviceLevelSeconds.default(20),
  })
  .openapi('CreateQueueRequest')
export type CreateQueueRequest = z.infer<typeof CreateQueueRequest>

export const PatchQueueRequest = z
  .strictObject(queueFields)
  .partial()
  .refine((value) => Object.keys(value).length > 0, 'must change something')
  .openapi('PatchQueueRequest')
export type PatchQueueRequest = z.infer<typeof PatchQueueRequest>

export const QueueListQuery = PageQuery
export type QueueListQuery = z.infer<typeof QueueListQuery>

/** Who serves a queue, by what they do. */
const agentCounts = z.record(ActivityName, z.number().int())

/** A queue as it is now, and what happened in it since the day began (UTC). Definitions as in the reports. */
export const QueueStats = z
  .strictObject({
    queueId: Id,
    asOf: Timestamp,
    /** Contacts that wait, those that are reserved for an agent included. */
    waiting: z.number().int(),
    reserved: z.number().int(),
    longestWaitSeconds: z.number().int(),
    agents: agentCounts,
    /** Agents who could take a contact at once. */
    ready: z.number().int(),
    since: Timestamp,
    offered: z.number().int(),
    answered: z.number().int(),
    abandoned: z.number().int(),
    shortAbandons: z.number().int(),
    answeredWithinServiceLevel: z.number().int(),
    /** answered within the service level ÷ (offered − shortAbandons); `null` before anything was offered. */
    serviceLevel: z.number().nullable(),
    averageSpeedOfAnswerSeconds: z.number().nullable(),
  })
  .openapi('QueueStats')
export type QueueStats = z.infer<typeof QueueStats>

/** A contact that waits, as a supervisor sees it. */
export const WaitingContact = Contact.extend({
  /** 1 for the one that is next. */
  position: z.number().int(),
  reservation: z.strictObject({ id: Id, agentId: Id, expiresAt: Timestamp }).nullable(),
}).openapi('WaitingContact')
export type WaitingContact = z.infer<typeof WaitingContact>
