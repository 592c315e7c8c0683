import { z } from '@hono/zod-openapi'

/** What is audited: every authentication, and every change of a role, a credential, a session, an account or a client. */
export const auditActions = [
  'sign-in.succeeded',
  'sign-in.failed',
  'second-factor.failed',
  'password-check.failed',
  'step-up.succeeded',
  'session.revoked',
  'session.renamed',
  'account.registered',
  'account.verified',
  'account.updated',
  'account.disabled',
  'account.enabled',
  'account.unlocked',
  'account.deleted',
  'roles.assigned',
  'role.created',
  'role.updated',
  'role.deleted',
  'password.changed',
  'password.reset-requested',
  'password.reset',
  'totp.enabled',
  'totp.disabled',
  'recovery-codes.created',
  'recovery-code.used',
  'passkey.added',
  'passkey.removed',
  'invitation.created',
  'invitation.revoked',
  'client.created',
  'client.updated',
  'client.deleted',
  'client.secret-rotated',
  'client.authenticated',
  'client.authentication-failed',
  'consent.granted',
  'signing-key.rotated',
] as const
export const AuditAction = z.enum(auditActions)
export type AuditAction = z.infer<typeof AuditAction>

/** Who did what to what, and how it ended. Never holds a secret, a code, or a token. */
export const auditFields = {
  action: AuditAction,
  outcome: z.enum(['success', 'failure']),
  /** Who acted; `anonymous` where nobody had signed in. */
  actor: z.strictObject({
    kind: z.enum(['user', 'client', 'service', 'anonymous']),
    id: z.string().nullable(),
  }),
  /** What was acted on. */
  target: z.strictObject({
    kind: z.enum(['user', 'session', 'role', 'client', 'invitation', 'signing-key']),
    id: z.string().nullable(),
  }),
  /** Why it failed, or why it was done, in a word. */
  reason: z.string().max(128).nullable(),
  /** What else an auditor needs: names of roles, a method, a client. */
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())])),
}
