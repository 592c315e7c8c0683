import { z } from '@hono/zod-openapi'
import {
  Call,
  CallCommandRequest,
  CallEvent,
  CallEventsQuery,
  CallHistoryQuery,
  CallProof,
  CallProofQuery,
  CallRecord,
  DispositionRequest,
  DtmfRequest,
  RequeueRequest,
  StartCallRequest,
  StartedCall,
  TicketGrant,
  TransferCallRequest,
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

const commandPolicy = {
  ...ownCall,
  idempotent: true,
  errors: ['not_found', 'conflict', 'idempotency_mismatch', 'storage_full'],
} as const satisfies RoutePolicy

/** A command to a call; its body may be left out. */
const command = <const P extends string, const S extends z.ZodType>(
  path: P,
  summary: string,
  schema: S,
) =>
  declare(commandPolicy, {
    method: 'post',
    path,
    summary,
    request: { params, body: { required: false, content: { 'application/json': { schema } } } },
    responses: { 202: jsonAnswer(dataOf(Call), 'The call') },
  })

/** A command to a call that says more than its name. */
const fullCommand = <const P extends string, const S extends z.ZodType>(
  path: P,
  summary: string,
  schema: S,
) =>
  declare(commandPolicy, {
    method: 'post',
    path,
    summary,
    request: { params, ...jsonBody(schema) },
    responses: { 202: jsonAnswer(dataOf(Call), 'The call') },
  })

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
  proof: declare(ownCall, {
    method: 'get',
    path: '/calls/{id}/proof',
    summary: 'Hashes that bind events of a call to each other, with a signed head',
    request: { params, query: CallProofQuery },
    responses: { 200: jsonAnswer(dataOf(CallProof), 'The proof') },
  }),
  answer: command('/calls/{id}/answer', 'Take a call that rings', CallCommandRequest),
  reject: command('/calls/{id}/reject', 'Refuse a call that rings', CallCommandRequest),
  hangup: command('/calls/{id}/hangup', 'End a call', CallCommandRequest),
  hold: command('/calls/{id}/hold', 'Put a call on hold', CallCommandRequest),
  resume: command('/calls/{id}/resume', 'Take a call back from hold', CallCommandRequest),
  transfer: fullCommand('/calls/{id}/transfer', 'Hand a call over', TransferCallRequest),
  dtmf: fullCommand('/calls/{id}/dtmf', 'Send tones to the other side', DtmfRequest),
  disposition: fullCommand(
    '/calls/{id}/disposition',
    'Say how a call went, also after its end',
    DispositionRequest,
  ),
  requeue: declare(
    { ...commandPolicy, permission: 'queues:write' },
    {
      method: 'post',
      path: '/calls/{id}/requeue',
      summary: 'Put a waiting call into another queue, or elsewhere in its own',
      request: { params, ...jsonBody(RequeueRequest) },
      responses: { 202: jsonAnswer(dataOf(Call), 'The call') },
    },
  ),
  removeParticipant: declare(
    { ...ownCall, permission: 'calls:write', errors: ['not_found', 'conflict'] },
    {
      method: 'delete',
      path: '/calls/{id}/participants/{participantId}',
      summary: 'Take somebody out of a call; their sockets close within a second',
      request: {
        params: z.strictObject({ id: Id, participantId: z.string().regex(/^p\d{1,4}$/) }),
      },
      responses: { 200: jsonAnswer(dataOf(Call), 'The call') },
    },
  ),
} as const
