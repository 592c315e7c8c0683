import { z } from '@hono/zod-openapi'
import { Permission } from './permissions.ts'

/** The access token's claims: those of the seed's sample by name and shape, and `permissions`. */
export const AccessTokenClaims = z.strictObject({
  exp: z.number().int(),
  iat: z.number().int(),
  jti: z.uuid(),
  iss: z.url(),
  sub: z.uuid(),
  typ: z.literal('Bearer'),
  azp: z.string(),
  session_state: z.uuid(),
  acr: z.enum(['1', '2']),
  resource_access: z.record(z.string(), z.strictObject({ roles: z.array(z.string()) })),
  scope: z.string(),
  sid: z.uuid(),
  email_verified: z.boolean(),
  preferred_username: z.string(),
  permissions: z.array(Permission),
})
export type AccessTokenClaims = z.infer<typeof AccessTokenClaims>

/** The token one Worker shows another: five minutes, for one receiver. Never accepted from outside. */
export const ServiceTokenClaims = z.strictObject({
  exp: z.number().int(),
  iat: z.number().int(),
  jti: z.uuid(),
  iss: z.url(),
  sub: z.string(),
  typ: z.literal('Service'),
  azp: z.string(),
  aud: z.string(),
})
export type ServiceTokenClaims = z.infer<typeof ServiceTokenClaims>

/** What a sign-in answers; snake_case because OAuth 2.0 names them so (RFC 6749 §5.1). */
export const TokenResponse = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int(),
    refresh_token: z.string(),
    refresh_expires_in: z.number().int(),
    scope: z.string(),
    session_state: z.uuid(),
  })
  .openapi('TokenResponse')
export type TokenResponse = z.infer<typeof TokenResponse>

/** OAuth clients that act for themselves, each with the one role it has. Their secrets are settings of accounts. */
export const serviceClients = { bridge: 'bridge' } as const

/** `preferred_username` of a client's own token; no account's name looks like it. */
export const serviceAccountName = (clientId: string): string => `service-account-${clientId}`

/** What the `client_credentials` grant answers (RFC 6749 §4.4.3): no refresh token. */
export const ClientTokenResponse = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int(),
    scope: z.string(),
  })
  .openapi('ClientTokenResponse')
export type ClientTokenResponse = z.infer<typeof ClientTokenResponse>

/** An OAuth error (RFC 6749 §5.2). */
export const OAuthError = z
  .strictObject({ error: z.string(), error_description: z.string() })
  .openapi('OAuthError')
export type OAuthError = z.infer<typeof OAuthError>
