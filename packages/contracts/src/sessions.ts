import { z } from '@hono/zod-openapi'
import { freeText, Id, Timestamp } from './primitives.ts'

/** Why a session ended before its time. */
export const RevocationReason = z.enum([
  'logout',
  'refresh_reuse',
  'code_reuse',
  'expired',
  'replaced',
  'revoked',
  'password_changed',
  'disabled',
  'deleted',
  'admin',
])
export type RevocationReason = z.infer<typeof RevocationReason>

/** How somebody showed who they are (RFC 8176). */
export const AuthenticationMethod = z.enum(['pwd', 'otp', 'sms', 'email', 'rec', 'hwk'])
export type AuthenticationMethod = z.infer<typeof AuthenticationMethod>

/** A sign-in on one device or in one app. */
export const SessionInfo = z
  .strictObject({
    id: Id,
    clientId: z.string(),
    name: z.string().nullable(),
    acr: z.enum(['1', '2']),
    methods: z.array(AuthenticationMethod),
    createdAt: Timestamp,
    refreshedAt: Timestamp,
    expiresAt: Timestamp,
    /** Whether it is the caller's own. */
    current: z.boolean(),
  })
  .openapi('SessionInfo')
export type SessionInfo = z.infer<typeof SessionInfo>

export const RenameSessionRequest = z
  .strictObject({ name: freeText(128) })
  .openapi('RenameSessionRequest')
export type RenameSessionRequest = z.infer<typeof RenameSessionRequest>

export const EndSessionsQuery = z.strictObject({ except: z.literal('current').optional() })
export type EndSessionsQuery = z.infer<typeof EndSessionsQuery>
