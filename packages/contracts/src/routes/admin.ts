import { z } from '@hono/zod-openapi'
import { AuditQuery, AuditRecord, DeadLetter, DeadLetterQuery, RouteInfo } from '../admin.ts'
import { dataOf, pageOf } from '../envelope.ts'
import { declare, jsonAnswer } from './declare.ts'

export const admin = {
  deadLetters: declare(
    { service: 'admin', access: 'bearer', permission: 'dead-letters:read', rateLimit: 'api' },
    {
      method: 'get',
      path: '/admin/dead-letters',
      summary: 'Queue messages that no consumer could take',
      request: { query: DeadLetterQuery },
      responses: { 200: jsonAnswer(pageOf(DeadLetter), 'A page of dead letters') },
    },
  ),
  audit: declare(
    { service: 'admin', access: 'bearer', permission: 'audit:read', rateLimit: 'api' },
    {
      method: 'get',
      path: '/admin/audit',
      summary:
        'What was recorded of sign-ins, credentials, roles, sessions and clients, newest first',
      request: { query: AuditQuery },
      responses: { 200: jsonAnswer(pageOf(AuditRecord), 'A page of records') },
    },
  ),
  routes: declare(
    { service: 'gateway', access: 'bearer', permission: 'operations:read', rateLimit: 'api' },
    {
      method: 'get',
      path: '/admin/routes',
      summary: "The gateway's route table",
      responses: { 200: jsonAnswer(dataOf(z.array(RouteInfo)), 'Every route') },
    },
  ),
} as const
