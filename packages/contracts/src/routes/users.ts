import { dataOf, pageOf } from '../envelope.ts'
import { PageQuery } from '../primitives.ts'
import {
  CreateInvitationRequest,
  Invitation,
  Preferences,
  Profile,
  RegisterRequest,
  Registration,
  UpdateProfileRequest,
  UpdateUserRequest,
  User,
  UserDetail,
  UserListQuery,
} from '../users.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const own = { service: 'accounts', access: 'bearer', rateLimit: 'api' } as const
/** Changes of other people's accounts. */
const manage = {
  service: 'accounts',
  access: 'bearer',
  permission: 'users:write',
  rateLimit: 'api',
  critical: true,
  errors: ['not_found', 'conflict'],
} as const satisfies RoutePolicy
const detail = { 200: jsonAnswer(dataOf(UserDetail), 'The account') }

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
  updateProfile: declare(
    { ...own, permission: 'profile:write' },
    {
      method: 'patch',
      path: '/users/profile',
      summary: "Change the bearer's own profile; numbers and addresses by /auth/otp/start",
      request: jsonBody(UpdateProfileRequest),
      responses: { 200: jsonAnswer(dataOf(Profile), 'The profile as it is now') },
    },
  ),
  preferences: declare(
    { ...own, permission: 'profile:read' },
    {
      method: 'get',
      path: '/users/profile/preferences',
      summary: "Settings that the user's apps have kept",
      responses: { 200: jsonAnswer(dataOf(Preferences), 'The preferences') },
    },
  ),
  putPreferences: declare(
    { ...own, permission: 'profile:write' },
    {
      method: 'put',
      path: '/users/profile/preferences',
      summary: "Replace the settings of the user's apps, at most 16 KiB",
      request: jsonBody(Preferences),
      responses: { 200: jsonAnswer(dataOf(Preferences), 'The preferences') },
    },
  ),
  get: declare(
    { ...own, permission: 'users:read', errors: ['not_found'] },
    {
      method: 'get',
      path: '/users/{id}',
      summary: 'An account',
      request: { params: idParam },
      responses: detail,
    },
  ),
  update: declare(
    { ...manage, stepUp: true },
    {
      method: 'patch',
      path: '/users/{id}',
      summary: 'Change an account',
      request: { params: idParam, ...jsonBody(UpdateUserRequest) },
      responses: detail,
    },
  ),
  remove: declare(
    { ...manage, permission: 'profile:write', stepUp: true },
    {
      method: 'delete',
      path: '/users/{id}',
      summary:
        'Delete an account and erase its personal data; its owner may, and who manages users',
      request: { params: idParam },
      responses: { 204: { description: 'The account is gone' } },
    },
  ),
  disable: declare(manage, {
    method: 'post',
    path: '/users/{id}/disable',
    summary: 'Refuse sign-ins and end every session',
    request: { params: idParam },
    responses: detail,
  }),
  enable: declare(manage, {
    method: 'post',
    path: '/users/{id}/enable',
    summary: 'Let a disabled account sign in again',
    request: { params: idParam },
    responses: detail,
  }),
  unlock: declare(manage, {
    method: 'post',
    path: '/users/{id}/unlock',
    summary: 'Forget failed sign-ins, so that the next needs no wait',
    request: { params: idParam },
    responses: detail,
  }),
  invitations: declare(
    { ...own, permission: 'users:write' },
    {
      method: 'get',
      path: '/invitations',
      summary: 'Invitations, newest first',
      request: { query: PageQuery },
      responses: { 200: jsonAnswer(pageOf(Invitation), 'A page of invitations') },
    },
  ),
  invite: declare(
    {
      ...manage,
      idempotent: true,
      errors: ['conflict', 'idempotency_mismatch', 'too_many_attempts', 'step_up_required'],
    },
    {
      method: 'post',
      path: '/invitations',
      summary: 'Invite somebody; the link that is sent makes an account with these roles',
      request: jsonBody(CreateInvitationRequest),
      responses: { 201: jsonAnswer(dataOf(Invitation), 'The invitation is on its way') },
    },
  ),
  revokeInvitation: declare(manage, {
    method: 'delete',
    path: '/invitations/{id}',
    summary: 'Make an invitation void',
    request: { params: idParam },
    responses: { 204: { description: 'The invitation is void' } },
  }),
} as const
