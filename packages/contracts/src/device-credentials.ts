import { z } from '@hono/zod-openapi'
import { Id, Timestamp } from './primitives.ts'

/**
 * `active` the broker takes it · `waiting` for a bridge that is away, 24 hours at most · `ending` a newer one is there
 * and it goes at `expiresAt`.
 */
export const CredentialState = z.enum(['active', 'waiting', 'ending'])
export type CredentialState = z.infer<typeof CredentialState>

/** What the device signs in to the broker with; shown once. */
export const DeviceCredentials = z
  .strictObject({
    id: Id,
    /** The device's id, or that and `~2`: two passwords are good at a time while one is replaced. */
    username: z.string(),
    password: z.string(),
    /** Client ids the broker takes: the device's id, or ones that begin with it and `-`. */
    clientId: z.string(),
    state: CredentialState,
    createdAt: Timestamp,
  })
  .openapi('DeviceCredentials')
export type DeviceCredentials = z.infer<typeof DeviceCredentials>

export const CreateCredentialsRequest = z
  .strictObject({
    /** How long earlier ones stay good beside the new: none unless given, seven days at most. */
    overlapSeconds: z.number().int().min(0).max(604_800).default(0),
  })
  .openapi('CreateCredentialsRequest')
export type CreateCredentialsRequest = z.infer<typeof CreateCredentialsRequest>

/** Credentials as they stand, without the password. */
export const CredentialInfo = z
  .strictObject({
    id: Id,
    username: z.string(),
    state: CredentialState,
    createdAt: Timestamp,
    expiresAt: Timestamp.nullable(),
  })
  .openapi('CredentialInfo')
export type CredentialInfo = z.infer<typeof CredentialInfo>
