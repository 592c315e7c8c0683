import { z } from '@hono/zod-openapi'
import { dataOf } from '../envelope.ts'
import { Permission, RoleName } from '../permissions.ts'
import { AssignRolesRequest, CreateRoleRequest, RoleInfo, UpdateRoleRequest } from '../roles.ts'
import { UserDetail } from '../users.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const read = {
  service: 'accounts',
  access: 'bearer',
  permission: 'users:read',
  rateLimit: 'api',
} as const satisfies RoutePolicy
const write = {
  ...read,
  permission: 'roles:write',
  stepUp: true,
  errors: ['not_found', 'conflict'],
} as const satisfies RoutePolicy
const name = z.strictObject({ name: RoleName })
const role = jsonAnswer(dataOf(RoleInfo), 'The role')

export const roles = {
  list: declare(read, {
    method: 'get',
    path: '/roles',
    summary: 'Every role and what it allows',
    responses: { 200: jsonAnswer(dataOf(z.array(RoleInfo)), 'Every role') },
  }),
  permissions: declare(read, {
    method: 'get',
    path: '/permissions',
    summary: 'Every permission there is',
    responses: { 200: jsonAnswer(dataOf(z.array(Permission)), 'Every permission') },
  }),
  create: declare(write, {
    method: 'post',
    path: '/roles',
    summary: 'Make a role; nobody can give away what they do not hold',
    request: jsonBody(CreateRoleRequest),
    responses: { 201: role },
  }),
  update: declare(write, {
    method: 'patch',
    path: '/roles/{name}',
    summary: 'Change what a role of ours allows',
    request: { params: name, ...jsonBody(UpdateRoleRequest) },
    responses: { 200: role },
  }),
  remove: declare(write, {
    method: 'delete',
    path: '/roles/{name}',
    summary: 'Delete a role that nobody holds',
    request: { params: name },
    responses: { 204: { description: 'The role is gone' } },
  }),
  assign: declare(write, {
    method: 'put',
    path: '/users/{id}/roles',
    summary: "Replace an account's roles; its older tokens are refused from then on",
    request: { params: idParam, ...jsonBody(AssignRolesRequest) },
    responses: { 200: jsonAnswer(dataOf(UserDetail), 'The account') },
  }),
} as const
