import { z } from '@hono/zod-openapi'
import { AuditAction, auditFields } from './audit.ts'
import { PageQuery, Timestamp } from './primitives.ts'

/** A queue message that no consumer could take. */
export const DeadLetter = z
  .strictObject({
    id: z.string(),
    queue: z.string(),
    /** The CloudEvents type, when the message had one. */
    eventType: z.string().nullable(),
    eventId: z.string().nullable(),
    body: z.unknown(),
    /** Why no consumer could take it, as far as the message itself tells. */
    reason: z.string(),
    status: z.enum(['open', 'redriven', 'purged']),
    receivedAt: Timestamp,
  })
  .openapi('DeadLetter')
export type DeadLetter = z.infer<typeof DeadLetter>

export const DeadLetterQuery = PageQuery.extend({
  queue: z.string().min(1).max(64).optional(),
  status: z.enum(['open', 'redriven', 'purged']).optional(),
})
export type DeadLetterQuery = z.infer<typeof DeadLetterQuery>

/** One security-relevant change or attempt, as it was recorded. */
export const AuditRecord = z
  .strictObject({
    id: z.string(),
    at: Timestamp,
    ...auditFields,
  })
  .openapi('AuditRecord')
export type AuditRecord = z.infer<typeof AuditRecord>

export const AuditQuery = PageQuery.extend({
  action: AuditAction.optional(),
  actorId: z.string().min(1).max(64).optional(),
  targetId: z.string().min(1).max(128).optional(),
})
export type AuditQuery = z.infer<typeof AuditQuery>

/** A route as the gateway's table has it. */
export const RouteInfo = z
  .strictObject({
    pattern: z.string(),
    methods: z.array(z.string()),
    service: z.string(),
    access: z.string(),
    permission: z.string().nullable(),
    rateLimit: z.string(),
    bodyLimitBytes: z.number().int(),
    timeoutMs: z.number().int(),
    retry: z.number().int(),
    idempotency: z.boolean(),
    critical: z.boolean(),
    stepUp: z.boolean(),
    upstream: z.string().nullable(),
    backup: z.string().nullable(),
  })
  .openapi('RouteInfo')
export type RouteInfo = z.infer<typeof RouteInfo>
