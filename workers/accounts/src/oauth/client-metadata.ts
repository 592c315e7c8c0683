import type { AdapterPayload } from 'oidc-provider'
import type { Client } from './clients.ts'

/**
 * A client as the engine knows it (OpenID Connect Dynamic Client Registration 1.0 §2). In the place of the secret stands
 * its hash: `compareClientSecret` is ours.
 */
export const toMetadata = (client: Client): AdapterPayload => ({
  client_id: client.id,
  client_name: client.name,
  ...(client.secretHash === null ? {} : { client_secret: client.secretHash }),
  token_endpoint_auth_method: client.type === 'public' ? 'none' : 'client_secret_basic',
  application_type: isNative(client) ? 'native' : 'web',
  redirect_uris: client.redirectUris,
  post_logout_redirect_uris: client.postLogoutRedirectUris,
  grant_types: [...client.grantTypes],
  response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
  // A client without scopes acts for itself alone, and its tokens' scopes are checked where they are made.
  ...(client.scopes.length === 0 ? {} : { scope: client.scopes.join(' ') }),
  id_token_signed_response_alg: 'RS256',
})

/** An app on a device may listen on any port of a loopback address (RFC 8252 §7.3); everybody else's URIs are exact. */
const isNative = (client: Client): boolean =>
  [...client.redirectUris, ...client.postLogoutRedirectUris].some(
    (uri) => !uri.startsWith('https:'),
  )
