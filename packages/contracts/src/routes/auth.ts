import { z } from '@hono/zod-openapi'
import { dataOf } from '../envelope.ts'
import { ClientTokenResponse, OAuthError, TokenResponse } from '../tokens.ts'
import { LoginRequest, LogoutRequest, RefreshRequest } from '../users.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const signIn = {
  service: 'accounts',
  access: 'public',
  rateLimit: 'auth',
  errors: ['invalid_credentials', 'mfa_required', 'too_many_attempts'],
} as const satisfies RoutePolicy

const tokens = { 200: jsonAnswer(dataOf(TokenResponse), 'An access token and a refresh token') }

export const auth = {
  login: declare(signIn, {
    method: 'post',
    path: '/auth/login',
    summary: 'Sign in with a user name, phone number or e-mail address',
    request: jsonBody(LoginRequest),
    responses: tokens,
  }),
  usersLogin: declare(signIn, {
    method: 'post',
    path: '/users/login',
    summary: 'The same as /auth/login',
    request: jsonBody(LoginRequest),
    responses: tokens,
  }),
  refresh: declare(
    { service: 'accounts', access: 'public', rateLimit: 'auth', errors: ['invalid_grant'] },
    {
      method: 'post',
      path: '/auth/refresh',
      summary: 'Swap a refresh token for its successor',
      request: jsonBody(RefreshRequest),
      responses: tokens,
    },
  ),
  logout: declare(
    { service: 'accounts', access: 'bearer', rateLimit: 'auth', critical: true },
    {
      method: 'post',
      path: '/auth/logout',
      summary: 'End the session of the token and close its sockets',
      request: {
        body: { required: false, content: { 'application/json': { schema: LogoutRequest } } },
      },
      responses: { 204: { description: 'The session is over' } },
    },
  ),
  token: declare(
    { service: 'accounts', access: 'public', rateLimit: 'auth', errors: ['not_found'] },
    {
      method: 'post',
      path: '/auth/realms/{realm}/protocol/openid-connect/token',
      summary: 'Tokens for clients (RFC 6749 §4.4); other grants are not built yet',
      request: {
        params: z.strictObject({ realm: z.string().min(1).max(64) }),
        // Checked by the standard's own rules, with the standard's own errors.
        body: {
          content: {
            'application/x-www-form-urlencoded': {
              schema: z.looseObject({ grant_type: z.string().optional() }),
            },
          },
        },
      },
      responses: {
        200: jsonAnswer(ClientTokenResponse, 'An access token'),
        400: jsonAnswer(OAuthError, 'invalid_request, unsupported_grant_type'),
        401: jsonAnswer(OAuthError, 'invalid_client'),
      },
    },
  ),
  certs: declare(
    { service: 'accounts', access: 'public', rateLimit: 'api', errors: ['not_found'] },
    {
      method: 'get',
      path: '/auth/realms/{realm}/protocol/openid-connect/certs',
      summary: 'The public signing keys (RFC 7517)',
      request: { params: z.strictObject({ realm: z.string().min(1).max(64) }) },
      responses: {
        200: jsonAnswer(
          z.strictObject({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })) }),
          'A JWK set',
        ),
      },
    },
  ),
} as const
