import { hkdfSync } from 'node:crypto'
import { permissions } from '@menagerie/contracts'
import type { Configuration, Provider } from 'oidc-provider'
import { type Env, settingsOf } from '../context.ts'
import type { SigningKeys } from '../tokens/signing-keys.ts'
import { claimsByScope, findAccount } from './account.ts'
import { EngineAdapter } from './adapter.ts'
import { browserSessionSeconds } from './browser-session.ts'
import { devicePages, renderError, signOutPages } from './engine-pages.ts'
import { loadGrant, pagePolicyOf } from './policy.ts'

/** Where the engine's endpoints stand under `/auth/realms/{realm}`: where Keycloak's adapters look for them. */
const protocol = '/protocol/openid-connect'

/** Of one page's path, so that two tabs do not disturb each other. */
export const interactionCookie = '__Secure-interaction'

/** A code is for the next request; a page waits an hour for its user. */
const CODE_SECONDS = 60
const DEVICE_CODE_SECONDS = 600
const PAGE_SECONDS = 3_600

/**
 * How the engine is set up: what may be asked of it is switched on here and nothing else is.
 *
 * @param provider the engine itself, for what is called once it stands
 */
export function configurationOf(
  env: Env,
  keys: SigningKeys,
  provider: () => Provider,
): Configuration {
  const settings = settingsOf(env)
  const accessTokenSeconds = Number(settings.ACCESS_TOKEN_SECONDS)
  return {
    adapter: (model: string) => new EngineAdapter(env, model),
    jwks: { keys: keys.privateKeys },
    acrValues: ['1', '2'],
    claims: claimsByScope,
    // With the scopes' claims, as Keycloak's ID tokens have them.
    conformIdTokenClaims: false,
    scopes: ['openid', 'offline_access', 'profile', 'email', 'phone', ...permissions],
    subjectTypes: ['public'],
    responseTypes: ['code'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    enabledJWA: { idTokenSigningAlgValues: ['RS256'] },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    // The gateway answers for other origins, for all paths alike.
    clientBasedCORS: () => true,
    cookies: {
      names: {
        session: '__Host-session',
        interaction: interactionCookie,
        resume: '__Secure-resume',
      },
      keys: [cookieKey(settings.KEY_ENCRYPTION_KEY)],
      long: { signed: true, httpOnly: true, sameSite: 'lax', secure: true, path: '/' },
      short: { signed: true, httpOnly: true, sameSite: 'lax', secure: true },
    },
    ttl: {
      AccessToken: accessTokenSeconds,
      ClientCredentials: accessTokenSeconds,
      IdToken: accessTokenSeconds,
      AuthorizationCode: CODE_SECONDS,
      DeviceCode: DEVICE_CODE_SECONDS,
      Grant: PAGE_SECONDS,
      Interaction: PAGE_SECONDS,
      RefreshToken: Number(settings.REFRESH_TOKEN_SECONDS),
      Session: (_ctx, session) => browserSessionSeconds(session),
    },
    routes: {
      authorization: `${protocol}/auth`,
      token: `${protocol}/token`,
      jwks: `${protocol}/certs`,
      userinfo: `${protocol}/userinfo`,
      introspection: `${protocol}/token/introspect`,
      revocation: `${protocol}/revoke`,
      end_session: `${protocol}/logout`,
      device_authorization: `${protocol}/auth/device`,
      code_verification: '/device',
    },
    features: {
      devInteractions: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      dPoP: { enabled: false },
      clientCredentials: { enabled: true },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        // Addresses of devices are personal data, and nothing shows them.
        deviceInfo: () => ({}),
        ...devicePages,
      },
      introspection: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      rpInitiatedLogout: { enabled: true, ...signOutPages },
    },
    findAccount: findAccount(env),
    loadExistingGrant: loadGrant(env, provider),
    interactions: {
      policy: pagePolicyOf(env),
      url: (_ctx, interaction) => `/auth/realms/${settings.REALM}/interaction/${interaction.uid}`,
    },
    // A session ends by its own rules, and with the sign-out of its browser (`browser-session.ts`).
    expiresWithSession: () => false,
    issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: true,
    revokeGrantPolicy: () => false,
    renderError,
  }
}

const cookieKey = (secret: string): string =>
  Buffer.from(hkdfSync('sha256', secret, '', 'menagerie sign-in cookies', 32)).toString('base64url')
