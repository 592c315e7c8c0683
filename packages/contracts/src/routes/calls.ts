import { z } from '@hono/zod-openapi'
import {
  Call,
  CallEvent,
  CallEventsQuery,
  CallHistoryQuery,
  CallRecord,
  StartCallRequest,
  StartedCall,
  TicketGrant,
} from '../calls.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { Id, queryInteger } from '../primitives.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const params = z.strictObject({ id: Id })
const ownCall = {
  service: 'communications',
  access: 'bearer',
  permission: 'calls:read:own',
  rateLimit: 'api',
  errors: ['not_found'],
} as const satisfies RoutePolicy

export const calls = {
  start: declare(
    {
      service: 'communications',
      access: 'bearer',
      permission: 'calls:write',
      rateLimit: 'api',
      idempotent: true,
      timeoutMs: 15_000,
      errors: ['idempotency_mismatch', 'not_implemented', 'storage_full'],
    },
    {
      method: 'post',
      path: '/calls/start',
      summary: 'Start a call and open its room',
      request: jsonBody(StartCallRequest),
      responses: { 201: jsonAnswer(dataOf(StartedCall), 'The call, with a ticket to its room') },
    },
  ),
  history: declare(
    {
      service: 'communications',
      access: 'bearer',
      permission: 'calls:read:own',
      rateLimit: 'api',
      // A long history as CSV is streamed.
      timeoutMs: 120_000,
    },
    {
      method: 'get',
      path: '/calls/history',
      summary: 'Calls, newest first: own for users and agents, all for supervisors',
      request: { query: CallHistoryQuery },
      responses: {
        200: {
          description: 'A page of calls, or all of them as CSV (RFC 4180)',
          content: {
            'application/json': { schema: pageOf(CallRecord) },
            'text/csv': { schema: z.string() },
          },
        },
      },
    },
  ),
  get: declare(ownCall, {
    method: 'get',
    path: '/calls/{id}',
    summary: 'A call as it is now',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Call), 'The call') },
  }),
  events: declare(ownCall, {
    method: 'get',
    path: '/calls/{id}/events',
    summary: 'Events of a call after a number, in order',
    request: { params, query: CallEventsQuery },
    responses: { 200: jsonAnswer(pageOf(CallEvent), 'A page of events') },
  }),
  ticket: declare(
    { ...ownCall, errors: ['not_found'] },
    {
      method: 'post',
      path: '/calls/{id}/ticket',
      summary: "A single-use ticket to the call's socket",
      request: { params },
      responses: { 201: jsonAnswer(dataOf(TicketGrant), 'The ticket, good for 30 seconds') },
    },
  ),
  socket: declare(
    {
      ...ownCall,
      access: 'socket',
      errors: ['not_found', 'invalid_ticket', 'invalid_request', 'upgrade_required'],
    },
    {
      method: 'get',
      path: '/calls/{id}/ws',
      summary: 'The socket of a call: events after `afterSeq`, then live ones',
      request: {
        params,
        query: z.strictObject({ afterSeq: queryInteger(0, Number.MAX_SAFE_INTEGER).optional() }),
      },
      responses: { 101: { description: 'menagerie.v1' } },
    },
  ),
  hangup: declare(
    { ...ownCall, idempotent: true, errors: ['not_found', 'conflict', 'idempotency_mismatch'] },
    {
      method: 'post',
      path: '/calls/{id}/hangup',
      summary: 'End a call',
      request: { params },
      responses: { 202: jsonAnswer(dataOf(Call), 'The call, about to end') },
    },
  ),
} as const
