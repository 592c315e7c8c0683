import { z } from '@hono/zod-openapi'
import { TicketGrant } from '../calls.ts'
import { dataOf, pageOf } from '../envelope.ts'
import {
  AcceptedNotification,
  CreateNotificationRequest,
  InboxItem,
  Notification,
  PendingNotification,
  PendingQuery,
} from '../notifications.ts'
import { Id, PageQuery, queryInteger } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const read = {
  service: 'notifications',
  access: 'bearer',
  permission: 'notifications:read:own',
  rateLimit: 'api',
} as const satisfies RoutePolicy

export const notifications = {
  create: declare(
    {
      ...read,
      permission: 'notifications:write:own',
      idempotent: true,
      errors: ['idempotency_mismatch', 'not_implemented', 'storage_full'],
    },
    {
      method: 'post',
      path: '/notifications/create',
      summary: 'Schedule a notification, or send it now',
      request: jsonBody(CreateNotificationRequest),
      responses: { 202: jsonAnswer(dataOf(AcceptedNotification), 'Kept; what was decided') },
    },
  ),
  pending: declare(read, {
    method: 'get',
    path: '/notifications/pending',
    summary: 'What is still to be sent, the next first',
    request: { query: PendingQuery },
    responses: { 200: jsonAnswer(pageOf(PendingNotification), 'A page') },
  }),
  inbox: declare(read, {
    method: 'get',
    path: '/notifications/inbox',
    summary: "The caller's in-app feed, newest first",
    request: { query: PageQuery },
    responses: { 200: jsonAnswer(pageOf(InboxItem), 'A page') },
  }),
  ticket: declare(read, {
    method: 'post',
    path: '/notifications/ticket',
    summary: "A single-use ticket to the socket of the caller's mailbox",
    responses: { 201: jsonAnswer(dataOf(TicketGrant), 'The ticket, good for 30 seconds') },
  }),
  socket: declare(
    {
      ...read,
      access: 'socket',
      errors: ['invalid_ticket', 'invalid_request', 'upgrade_required'],
    },
    {
      method: 'get',
      path: '/notifications/ws',
      summary: "The socket of the caller's mailbox",
      request: {
        query: z.strictObject({ afterSeq: queryInteger(0, Number.MAX_SAFE_INTEGER).optional() }),
      },
      responses: { 101: { description: 'menagerie.v1' } },
    },
  ),
  get: declare(
    { ...read, errors: ['not_found'] },
    {
      method: 'get',
      path: '/notifications/{id}',
      summary: 'A notification and what became of each channel',
      request: { params: z.strictObject({ id: Id }) },
      responses: { 200: jsonAnswer(dataOf(Notification), 'The notification') },
    },
  ),
} as const
