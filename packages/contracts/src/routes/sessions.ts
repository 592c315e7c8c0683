import { z } from '@hono/zod-openapi'
import { dataOf } from '../envelope.ts'
import { Id } from '../primitives.ts'
import { EndSessionsQuery, RenameSessionRequest, SessionInfo } from '../sessions.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

const own = {
  service: 'accounts',
  access: 'bearer',
  permission: 'profile:write',
  rateLimit: 'api',
  critical: true,
  errors: ['not_found'],
} as const satisfies RoutePolicy
const sid = z.strictObject({ sid: Id })

export const sessions = {
  list: declare(
    { ...own, permission: 'profile:read' },
    {
      method: 'get',
      path: '/users/profile/sessions',
      summary: 'Where the bearer is signed in',
      responses: { 200: jsonAnswer(dataOf(z.array(SessionInfo)), 'Every session, newest first') },
    },
  ),
  rename: declare(own, {
    method: 'patch',
    path: '/users/profile/sessions/{sid}',
    summary: 'Name a session',
    request: { params: sid, ...jsonBody(RenameSessionRequest) },
    responses: { 200: jsonAnswer(dataOf(SessionInfo), 'The session') },
  }),
  end: declare(own, {
    method: 'delete',
    path: '/users/profile/sessions/{sid}',
    summary: 'End a session and close its sockets',
    request: { params: sid },
    responses: { 204: { description: 'The session is over' } },
  }),
  endAll: declare(own, {
    method: 'delete',
    path: '/users/profile/sessions',
    summary: "End all the bearer's sessions, or all others",
    request: { query: EndSessionsQuery },
    responses: { 204: { description: 'They are over' } },
  }),
} as const
