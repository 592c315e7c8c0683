import { z } from '@hono/zod-openapi'
import {
  ClientWithSecret,
  CreateClientRequest,
  OAuthClient,
  UpdateClientRequest,
} from '../clients.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { PageQuery } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const read = {
  service: 'accounts',
  access: 'bearer',
  permission: 'clients:write',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const write = {
  ...read,
  stepUp: true,
  errors: ['not_found', 'conflict'],
} as const satisfies RoutePolicy
const id = z.strictObject({ id: z.string().min(1).max(64) })
const client = jsonAnswer(dataOf(OAuthClient), 'The client')

export const clients = {
  list: declare(read, {
    method: 'get',
    path: '/admin/clients',
    summary: 'OAuth clients',
    request: { query: PageQuery },
    responses: { 200: jsonAnswer(pageOf(OAuthClient), 'A page of clients') },
  }),
  create: declare(write, {
    method: 'post',
    path: '/admin/clients',
    summary: 'Register an OAuth client; its secret is shown this once',
    request: jsonBody(CreateClientRequest),
    responses: { 201: jsonAnswer(dataOf(ClientWithSecret), 'The client') },
  }),
  get: declare(read, {
    method: 'get',
    path: '/admin/clients/{id}',
    summary: 'An OAuth client',
    request: { params: id },
    responses: { 200: client },
  }),
  update: declare(write, {
    method: 'patch',
    path: '/admin/clients/{id}',
    summary: 'Change an OAuth client',
    request: { params: id, ...jsonBody(UpdateClientRequest) },
    responses: { 200: client },
  }),
  rotateSecret: declare(write, {
    method: 'post',
    path: '/admin/clients/{id}/secret',
    summary: 'Replace the secret; the old one is good no more',
    request: { params: id },
    responses: { 200: jsonAnswer(dataOf(ClientWithSecret), 'The client') },
  }),
  remove: declare(write, {
    method: 'delete',
    path: '/admin/clients/{id}',
    summary: 'Delete a client; nobody gets or refreshes tokens through it any more',
    request: { params: id },
    responses: { 204: { description: 'The client is gone' } },
  }),
} as const
