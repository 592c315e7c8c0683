import { dataOf, pageOf } from '../envelope.ts'
import { Profile, RegisterRequest, Registration, User, UserListQuery } from '../users.ts'
import { declare, jsonAnswer, jsonBody } from './declare.ts'

export const users = {
  register: declare(
    {
      service: 'accounts',
      access: 'public',
      rateLimit: 'auth',
      idempotent: true,
      errors: ['idempotency_mismatch'],
    },
    {
      method: 'post',
      path: '/users/register',
      summary: 'Create an account by phone number or e-mail address',
      request: jsonBody(RegisterRequest),
      responses: { 201: jsonAnswer(dataOf(Registration), 'The account waits for verification') },
    },
  ),
  profile: declare(
    { service: 'accounts', access: 'bearer', permission: 'profile:read', rateLimit: 'api' },
    {
      method: 'get',
      path: '/users/profile',
      summary: "The bearer's own profile",
      responses: { 200: jsonAnswer(dataOf(Profile), 'The profile') },
    },
  ),
  list: declare(
    { service: 'accounts', access: 'bearer', permission: 'users:read', rateLimit: 'api' },
    {
      method: 'get',
      path: '/users/list',
      summary: 'Accounts, page by page',
      request: { query: UserListQuery },
      responses: { 200: jsonAnswer(pageOf(User), 'A page of accounts') },
    },
  ),
} as const
