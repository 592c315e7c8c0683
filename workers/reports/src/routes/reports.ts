import type { OpenAPIHono } from '@hono/zod-openapi'
import { reports } from '@menagerie/contracts/routes'
import { type Cell, clockOf, csvLine, data, guardRoutes, verifierFor } from '@menagerie/core'
import type { Context } from 'hono'
import { accepts } from 'hono/accepts'
import type { App } from '../context.ts'
import { D1HistoryStore } from '../history/d1-history-store.ts'
import { callsColumns, callsReport } from '../reports/calls.ts'
import { summaryColumns, summaryReport } from '../reports/summary.ts'

const guarded = guardRoutes(verifierFor('reports'))

/** `GET /reports/summary`, `GET /reports/calls` — reports:read. JSON and CSV show the same rows. */
export function reportRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(reports.summary), async (c) => {
    const now = clockOf(c.env).now()
    const report = await summaryReport(new D1HistoryStore(c.env.DB), c.req.valid('query'), now)
    return wantsCsv(c)
      ? csvFile(c, 'summary.csv', summaryColumns, report.series)
      : c.json(data(c, report), 200)
  })
  app.openapi(guarded(reports.calls), async (c) => {
    const now = clockOf(c.env).now()
    const report = await callsReport(new D1HistoryStore(c.env.DB), c.req.valid('query'), now)
    return wantsCsv(c)
      ? csvFile(c, 'calls.csv', callsColumns, report.rows)
      : c.json(data(c, report), 200)
  })
}

/** `format` decides; where it is not given, what the client would rather have. */
function wantsCsv(c: Context<App>): boolean {
  const format = c.req.query('format')
  if (format !== undefined) return format === 'csv'
  const supports = ['application/json', 'text/csv']
  return accepts(c, { header: 'Accept', supports, default: 'application/json' }) === 'text/csv'
}

function csvFile<const C extends string>(
  c: Context<App>,
  filename: string,
  columns: readonly C[],
  rows: readonly Readonly<Record<C, Cell>>[],
) {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))]
  return c.text(lines.map(csvLine).join(''), 200, {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="${filename}"`,
  })
}
