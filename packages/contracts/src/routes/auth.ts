import { dataOf } from '../envelope.ts'
import { TokenResponse } from '../tokens.ts'
import { LoginRequest, LogoutRequest, RefreshRequest } from '../users.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

/** A sign-in of any kind. */
export const signIn = {
  service: 'accounts',
  access: 'public',
  rateLimit: 'auth',
  errors: ['invalid_credentials', 'mfa_required', 'too_many_attempts'],
} as const satisfies RoutePolicy

export const tokens = {
  200: jsonAnswer(dataOf(TokenResponse), 'An access token and a refresh token'),
}

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
} as const
