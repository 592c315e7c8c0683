import { dataOf, pageOf } from '../envelope.ts'
import { PageQuery } from '../primitives.ts'
import {
  CreateQueueRequest,
  PatchQueueRequest,
  Queue,
  QueueListQuery,
  QueueStats,
  WaitingContact,
} from '../queues.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'
import { socketErrors, socketQuery, switching, ticketRoute } from './socket-routes.ts'

const read = {
  service: 'communications',
  access: 'bearer',
  permission: 'agents:self',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const supervise = { ...read, permission: 'queues:write' } as const satisfies RoutePolicy
const params = idParam

export const queues = {
  create: declare(
    { ...supervise, idempotent: true, errors: ['conflict', 'idempotency_mismatch'] },
    {
      method: 'post',
      path: '/queues',
      summary: 'Make a queue',
      request: jsonBody(CreateQueueRequest),
      responses: { 201: jsonAnswer(dataOf(Queue), 'The queue') },
    },
  ),
  list: declare(
    { ...read, errors: [] },
    {
      method: 'get',
      path: '/queues',
      summary: 'Queues by name',
      request: { query: QueueListQuery },
      responses: { 200: jsonAnswer(pageOf(Queue), 'A page of queues') },
    },
  ),
  get: declare(read, {
    method: 'get',
    path: '/queues/{id}',
    summary: 'A queue',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Queue), 'The queue') },
  }),
  patch: declare(
    { ...supervise, errors: ['not_found', 'conflict', 'precondition_failed'] },
    {
      method: 'patch',
      path: '/queues/{id}',
      summary: 'Change a queue',
      request: { params, ...jsonBody(PatchQueueRequest) },
      responses: { 200: jsonAnswer(dataOf(Queue), 'The queue') },
    },
  ),
  remove: declare(
    { ...supervise, errors: ['not_found', 'conflict'] },
    {
      method: 'delete',
      path: '/queues/{id}',
      summary: 'Remove a queue in which nobody waits',
      request: { params },
      responses: { 204: { description: 'Removed' } },
    },
  ),
  stats: declare(read, {
    method: 'get',
    path: '/queues/{id}/stats',
    summary: 'A queue as it is now, and its numbers since the day began',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(QueueStats), 'The numbers') },
  }),
  contacts: declare(supervise, {
    method: 'get',
    path: '/queues/{id}/contacts',
    summary: 'Who waits in a queue, the next one first',
    request: { params, query: PageQuery },
    responses: { 200: jsonAnswer(pageOf(WaitingContact), 'A page of contacts') },
  }),
  ticket: ticketRoute(supervise, '/queues/{id}/ticket', { params }, 'a queue'),
  socket: declare(
    { ...supervise, access: 'socket', errors: ['not_found', ...socketErrors] },
    {
      method: 'get',
      path: '/queues/{id}/ws',
      summary: 'The socket of a queue: its numbers at every change, and its events',
      request: { params, query: socketQuery },
      responses: switching,
    },
  ),
} as const
