import { z } from '@hono/zod-openapi'
import { dataOf } from '../envelope.ts'
import { CallsReport, CallsReportQuery, SummaryQuery, SummaryReport } from '../reports.ts'
import { declare, type RoutePolicy } from './declare.ts'

const report = {
  service: 'reports',
  access: 'bearer',
  permission: 'reports:read',
  rateLimit: 'api',
  timeoutMs: 30_000,
} as const satisfies RoutePolicy

const jsonOrCsv = <const S>(schema: S, description: string) =>
  ({
    description,
    content: { 'application/json': { schema }, 'text/csv': { schema: z.string() } },
  }) as const

export const reports = {
  summary: declare(report, {
    method: 'get',
    path: '/reports/summary',
    summary: 'Totals with their definitions, and a series of intervals',
    request: { query: SummaryQuery },
    responses: { 200: jsonOrCsv(dataOf(SummaryReport), 'The report, or its series as CSV') },
  }),
  calls: declare(report, {
    method: 'get',
    path: '/reports/calls',
    summary: 'The numbers of calls by queue, agent, direction or hour',
    request: { query: CallsReportQuery },
    responses: { 200: jsonOrCsv(dataOf(CallsReport), 'The report, or its rows as CSV') },
  }),
} as const
