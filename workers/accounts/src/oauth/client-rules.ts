import { isBuiltIn } from '@menagerie/contracts'
import { AppError, type Principal } from '@menagerie/core'
import { errors } from 'oidc-provider'
import type { Env } from '../context.ts'
import { invalidField } from '../invalid-field.ts'
import { permissionsFor, readCustomRoles } from '../roles/permissions-for.ts'
import { toMetadata } from './client-metadata.ts'
import type { Client } from './clients.ts'
import { providerFor } from './engine.ts'

/**
 * What a client must be beyond the form of its fields: each is something the engine would refuse later, in front of users.
 *
 * @throws AppError `validation_failed`
 */
export async function assertUsable(env: Env, client: Client): Promise<void> {
  const { grantTypes } = client
  if (client.type === 'public' && grantTypes.includes('client_credentials'))
    throw invalidField('/grantTypes', 'not_confidential', 'client_credentials needs a secret')
  if (client.roles.length > 0 && !grantTypes.includes('client_credentials'))
    throw invalidField('/roles', 'not_confidential', 'roles are for tokens of client_credentials')
  if (grantTypes.includes('authorization_code') && client.redirectUris.length === 0)
    throw invalidField('/redirectUris', 'missing', 'authorization_code needs one at least')
  const forUsers = grantTypes.some((grant) => grant !== 'client_credentials')
  if (forUsers && client.scopes.length === 0)
    throw invalidField('/scopes', 'missing', 'what users are asked for needs a scope at least')
  if (!grantTypes.some((grant) => grant !== 'refresh_token'))
    throw invalidField('/grantTypes', 'incomplete', 'refresh_token needs another grant beside it')
  const { Client: Engine } = await providerFor(env)
  try {
    ;new (Engine as unknown as new (metadata: object) => object)(toMetadata(client))
  } catch (error) {
    if (!(error instanceof errors.InvalidClientMetadata)) throw error
    const detail = error.error_description ?? 'is not usable'
    throw invalidField('/redirectUris', 'invalid_client_metadata', detail)
  }
}

/**
 * Nobody gives a client, or gets through one, what they do not hold themselves. A client of our own is given all that its
 * users may, and none of them is asked: administrators among them.
 *
 * @throws AppError `forbidden`; `validation_failed` for a role nobody knows
 */
export async function assertMayGive(
  env: Env,
  principal: Principal,
  { roles, firstParty }: Pick<Client, 'roles' | 'firstParty'>,
): Promise<void> {
  const custom = await readCustomRoles(env.DB)
  const unknown = roles.findIndex((role) => !isBuiltIn(role) && !custom.has(role))
  if (unknown !== -1) throw invalidField(`/roles/${unknown}`, 'unknown_role', 'is no role')
  const given = firstParty ? [...roles, 'admin'] : roles
  const missing = (await permissionsFor(env, given)).find(
    (permission) => !principal.permissions.includes(permission),
  )
  if (missing !== undefined)
    throw new AppError('forbidden', `This needs the permission ${missing}, which the client gives`)
}
