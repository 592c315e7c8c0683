import { z } from '@hono/zod-openapi'
import { Permission, RoleName } from './permissions.ts'
import { freeText, Timestamp } from './primitives.ts'

/** What a client may ask the token endpoint for. */
export const GrantType = z.enum([
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
])
export type GrantType = z.infer<typeof GrantType>

/**
 * What a client may ask of a user: OpenID Connect's own scopes, and permissions by their names. A client that is not
 * ours gets of the user's permissions only those the user granted.
 */
export const Scope = z.union([
  z.enum(['openid', 'profile', 'email', 'phone', 'offline_access']),
  Permission,
])
export type Scope = z.infer<typeof Scope>

const ClientId = z.string().regex(/^[A-Za-z0-9][\w.-]{0,63}$/, 'must be letters, digits, . _ or -')

/**
 * Exact redirect URIs (RFC 9700 §4.1.1): `https`, `http` on a loopback address for native apps (RFC 8252 §7.3), or a
 * scheme of the app's own with a dot in it (§7.1).
 */
export const RedirectUri = z
  .string()
  .max(512)
  .refine(isRedirectUri, 'must be an https URI without fragment or wildcard, http only on loopback')

function isRedirectUri(text: string): boolean {
  if (!URL.canParse(text) || /[#*\s\\]/.test(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  if (protocol === 'https:') return true
  if (protocol === 'http:') return ['localhost', '127.0.0.1', '[::1]'].includes(hostname)
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(protocol)
}

const clientFields = {
  name: freeText(128),
  redirectUris: z.array(RedirectUri).max(32),
  postLogoutRedirectUris: z.array(RedirectUri).max(32),
  grantTypes: z.array(GrantType).min(1).max(4),
  scopes: z.array(Scope).max(64),
  /** Roles of the client's own tokens (`client_credentials`). */
  roles: z.array(RoleName).max(16),
  /** Ours: signs in without a consent page, and its tokens hold all of the user's permissions. */
  firstParty: z.boolean(),
}

export const OAuthClient = z
  .strictObject({
    id: ClientId,
    /** `public` clients cannot keep a secret: apps in browsers and on phones. */
    type: z.enum(['public', 'confidential']),
    ...clientFields,
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .openapi('OAuthClient')
export type OAuthClient = z.infer<typeof OAuthClient>

export const CreateClientRequest = z
  .strictObject({
    id: ClientId.optional(),
    type: z.enum(['public', 'confidential']),
    name: clientFields.name,
    redirectUris: clientFields.redirectUris.default([]),
    postLogoutRedirectUris: clientFields.postLogoutRedirectUris.default([]),
    grantTypes: clientFields.grantTypes.default(['authorization_code', 'refresh_token']),
    scopes: clientFields.scopes.default(['openid', 'profile', 'email']),
    roles: clientFields.roles.default([]),
    firstParty: clientFields.firstParty.default(false),
  })
  .openapi('CreateClientRequest')
export type CreateClientRequest = z.infer<typeof CreateClientRequest>

export const UpdateClientRequest = z
  .strictObject({
    name: clientFields.name.optional(),
    redirectUris: clientFields.redirectUris.optional(),
    postLogoutRedirectUris: clientFields.postLogoutRedirectUris.optional(),
    grantTypes: clientFields.grantTypes.optional(),
    scopes: clientFields.scopes.optional(),
    roles: clientFields.roles.optional(),
    firstParty: clientFields.firstParty.optional(),
  })
  .openapi('UpdateClientRequest')
export type UpdateClientRequest = z.infer<typeof UpdateClientRequest>

/** A client with its secret, which is shown this once; `null` for a public one. */
export const ClientWithSecret = OAuthClient.extend({ secret: z.string().nullable() }).openapi(
  'ClientWithSecret',
)
export type ClientWithSecret = z.infer<typeof ClientWithSecret>
