import type { OAuthError } from '@menagerie/contracts'

/** Why the token endpoint refuses, in OAuth's words (RFC 6749 §5.2). */
export interface OAuthRefusal extends OAuthError {
  error: 'invalid_request' | 'invalid_client' | 'unsupported_grant_type'
}

/** The status of a refusal: only who the client is can be unauthorized. */
export const statusOf = (refusal: OAuthRefusal): 400 | 401 =>
  refusal.error === 'invalid_client' ? 401 : 400

export const invalidRequest = (error_description: string): OAuthRefusal => ({
  error: 'invalid_request',
  error_description,
})

/** One text for every reason, so that nobody learns which clients there are. */
export const invalidClient: OAuthRefusal = {
  error: 'invalid_client',
  error_description: 'The client is unknown or its secret is wrong',
}
