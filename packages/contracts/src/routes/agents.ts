import {
  Agent,
  AgentListQuery,
  AgentSummary,
  PutAgentRequest,
  Reservation,
  SetActivityRequest,
} from '../agents.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { declare, idParam, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'
import { socketErrors, socketQuery, switching, ticketRoute } from './socket-routes.ts'

const self = {
  service: 'communications',
  access: 'bearer',
  permission: 'agents:self',
  rateLimit: 'api',
  errors: [],
} as const satisfies RoutePolicy
/** Everybody has a desk: it is where calls to an account ring. */
const desk = { ...self, permission: 'calls:read:own' } as const satisfies RoutePolicy
const supervise = {
  ...self,
  permission: 'queues:write',
  errors: ['not_found'],
} as const satisfies RoutePolicy
const params = idParam

const decide = <const P extends string>(path: P, summary: string) =>
  declare(
    {
      ...self,
      idempotent: true,
      errors: ['not_found', 'conflict', 'idempotency_mismatch'],
    },
    {
      method: 'post',
      path,
      summary,
      request: { params },
      responses: { 200: jsonAnswer(dataOf(Reservation), 'The reservation') },
    },
  )

export const agents = {
  list: declare(
    { ...supervise, errors: [] },
    {
      method: 'get',
      path: '/agents',
      summary: 'Agents by id, with what they do',
      request: { query: AgentListQuery },
      responses: { 200: jsonAnswer(pageOf(AgentSummary), 'A page of agents') },
    },
  ),
  me: declare(desk, {
    method: 'get',
    path: '/agents/me',
    summary: "The caller's own desk",
    responses: { 200: jsonAnswer(dataOf(Agent), 'The desk') },
  }),
  setActivity: declare(self, {
    method: 'put',
    path: '/agents/me/activity',
    summary: 'Choose what to do; during a contact, what to do after it',
    request: jsonBody(SetActivityRequest),
    responses: { 200: jsonAnswer(dataOf(Agent), 'The desk') },
  }),
  ticket: ticketRoute(desk, '/agents/me/ticket', {}, "the caller's desk"),
  socket: declare(
    { ...desk, access: 'socket', errors: [...socketErrors] },
    {
      method: 'get',
      path: '/agents/me/ws',
      summary: "The socket of the caller's desk: reservations, calls that ring, activities",
      request: { query: socketQuery },
      responses: switching,
    },
  ),
  get: declare(supervise, {
    method: 'get',
    path: '/agents/{id}',
    summary: 'An agent as the desk knows it',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Agent), 'The agent') },
  }),
  put: declare(supervise, {
    method: 'put',
    path: '/agents/{id}',
    summary: 'Say what an agent can do and how much at once',
    request: { params, ...jsonBody(PutAgentRequest) },
    responses: { 200: jsonAnswer(dataOf(Agent), 'The agent') },
  }),
  signOut: declare(supervise, {
    method: 'post',
    path: '/agents/{id}/sign-out',
    summary:
      'Take an agent off: offline after the contacts at hand, reservations to the next agent',
    request: { params },
    responses: { 200: jsonAnswer(dataOf(Agent), 'The agent') },
  }),
  accept: decide('/reservations/{id}/accept', 'Take a contact'),
  reject: decide('/reservations/{id}/reject', 'Leave a contact to the next agent'),
} as const
