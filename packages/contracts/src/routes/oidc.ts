import { z } from '@hono/zod-openapi'
import { OAuthError } from '../tokens.ts'
import { declare, jsonAnswer, type RoutePolicy } from './declare.ts'

/** Under `/auth/realms/{realm}` the standards' own shapes and errors hold; only an unknown realm is a problem of ours. */
const open = {
  service: 'accounts',
  access: 'public',
  rateLimit: 'auth',
  errors: ['not_found'],
} as const satisfies RoutePolicy
/** Read by machines again and again. */
const metadata = { ...open, rateLimit: 'api' } as const
const realm = z.strictObject({ realm: z.string().min(1).max(64) })
const interaction = realm.extend({ uid: z.string().min(1).max(64) })
const base = '/auth/realms/{realm}'
const protocol = `${base}/protocol/openid-connect` as const

/** Checked by the standard's own rules, with the standard's own errors. */
const form = {
  body: {
    content: { 'application/x-www-form-urlencoded': { schema: z.looseObject({}) } },
  },
} as const
const page = { description: 'A page', content: { 'text/html': { schema: z.string() } } } as const
const redirect = { description: 'Back to the app, or on to a page' } as const
const oauthErrors = {
  400: jsonAnswer(OAuthError, 'invalid_request, invalid_grant and their kin (RFC 6749 §5.2)'),
  401: jsonAnswer(OAuthError, 'invalid_client'),
} as const
const pages = { 200: page, 303: redirect, 400: page } as const

export const oidc = {
  discovery: declare(metadata, {
    method: 'get',
    path: `${base}/.well-known/openid-configuration`,
    summary: 'What this issuer offers and where (OpenID Connect Discovery 1.0 §4)',
    request: { params: realm },
    responses: { 200: jsonAnswer(z.looseObject({ issuer: z.string() }), 'The metadata') },
  }),
  certs: declare(metadata, {
    method: 'get',
    path: `${protocol}/certs`,
    summary: 'The public signing keys (RFC 7517)',
    request: { params: realm },
    responses: {
      200: jsonAnswer(
        z.strictObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
        'A JWK set',
      ),
    },
  }),
  authorize: declare(open, {
    method: 'get',
    path: `${protocol}/auth`,
    summary: 'Authorization code with PKCE S256 (RFC 6749 §4.1, RFC 7636)',
    request: { params: realm },
    responses: pages,
  }),
  authorizePost: declare(open, {
    method: 'post',
    path: `${protocol}/auth`,
    summary: 'The same by a form (OpenID Connect Core §3.1.2.1)',
    request: { params: realm, ...form },
    responses: pages,
  }),
  resume: declare(open, {
    method: 'get',
    path: `${protocol}/auth/{uid}`,
    summary: 'Goes on with an authorization after a page of ours',
    request: { params: interaction },
    responses: pages,
  }),
  token: declare(open, {
    method: 'post',
    path: `${protocol}/token`,
    summary: 'Tokens for a code, a refresh token, a device code or a client of its own',
    request: { params: realm, ...form },
    responses: {
      200: jsonAnswer(
        z.looseObject({
          access_token: z.string(),
          token_type: z.literal('Bearer'),
          expires_in: z.number().int(),
        }),
        'The tokens (RFC 6749 §5.1)',
      ),
      ...oauthErrors,
    },
  }),
  userinfo: declare(metadata, {
    method: 'get',
    path: `${protocol}/userinfo`,
    summary: 'Claims of the user (OpenID Connect Core §5.3)',
    request: { params: realm },
    responses: { 200: jsonAnswer(z.looseObject({ sub: z.string() }), 'Claims'), ...oauthErrors },
  }),
  userinfoPost: declare(metadata, {
    method: 'post',
    path: `${protocol}/userinfo`,
    summary: 'The same by POST',
    request: { params: realm, ...form },
    responses: { 200: jsonAnswer(z.looseObject({ sub: z.string() }), 'Claims'), ...oauthErrors },
  }),
  introspect: declare(open, {
    method: 'post',
    path: `${protocol}/token/introspect`,
    summary: 'Whether a token is alive, for confidential clients (RFC 7662)',
    request: { params: realm, ...form },
    responses: {
      200: jsonAnswer(z.looseObject({ active: z.boolean() }), 'The state of the token'),
      ...oauthErrors,
    },
  }),
  revoke: declare(open, {
    method: 'post',
    path: `${protocol}/revoke`,
    summary: 'Revoke a token and the session behind it (RFC 7009)',
    request: { params: realm, ...form },
    responses: { 200: { description: 'It is void, if it was not already' }, ...oauthErrors },
  }),
  deviceAuthorization: declare(open, {
    method: 'post',
    path: `${protocol}/auth/device`,
    summary: 'A code for a device without a keyboard (RFC 8628)',
    request: { params: realm, ...form },
    responses: {
      200: jsonAnswer(z.looseObject({ device_code: z.string() }), 'The codes'),
      ...oauthErrors,
    },
  }),
  endSession: declare(open, {
    method: 'get',
    path: `${protocol}/logout`,
    summary: 'Sign out (OpenID Connect RP-Initiated Logout 1.0)',
    request: { params: realm },
    responses: pages,
  }),
  endSessionPost: declare(open, {
    method: 'post',
    path: `${protocol}/logout`,
    summary: 'The same by a form',
    request: { params: realm, ...form },
    responses: pages,
  }),
  confirmEndSession: declare(open, {
    method: 'post',
    path: `${protocol}/logout/confirm`,
    summary: 'What the sign-out page sends',
    request: { params: realm, ...form },
    responses: pages,
  }),
  endSessionSuccess: declare(open, {
    method: 'get',
    path: `${protocol}/logout/success`,
    summary: 'The page after a sign-out',
    request: { params: realm },
    responses: pages,
  }),
  device: declare(open, {
    method: 'get',
    path: `${base}/device`,
    summary: 'The page where a device code is typed in',
    request: { params: realm },
    responses: pages,
  }),
  devicePost: declare(open, {
    method: 'post',
    path: `${base}/device`,
    summary: 'What that page sends',
    request: { params: realm, ...form },
    responses: pages,
  }),
  deviceResume: declare(open, {
    method: 'get',
    path: `${base}/device/{uid}`,
    summary: 'Goes on with a device code after a page of ours',
    request: { params: interaction },
    responses: pages,
  }),
  interaction: declare(open, {
    method: 'get',
    path: `${base}/interaction/{uid}`,
    summary: 'The hosted sign-in or consent page',
    request: { params: interaction },
    responses: pages,
  }),
  interactionPost: declare(open, {
    method: 'post',
    path: `${base}/interaction/{uid}`,
    summary: 'What those pages send',
    request: { params: interaction, ...form },
    responses: pages,
  }),
  passwordReset: declare(open, {
    method: 'get',
    path: `${base}/password-reset`,
    summary: 'The page behind the link of a forgotten password',
    request: { params: realm },
    responses: { 200: page },
  }),
} as const
