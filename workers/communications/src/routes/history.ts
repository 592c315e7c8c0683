import type { OpenAPIHono } from '@hono/zod-openapi'
import type { CallRecord } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import {
  type Cell,
  csvStream,
  guardRoutes,
  principalOf,
  signedList,
  verifierFor,
} from '@menagerie/core'
import { type App, settingsOf } from '../context.ts'
import {
  type HistoryFilters,
  type HistoryPosition,
  listCalls,
  recordColumns,
} from '../db/history.ts'

const guarded = guardRoutes(verifierFor('communications'))
const CSV_PAGE = 500

/** `GET /calls/history`: own calls, or everybody's with `calls:read:all`. */
export function historyRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(calls.history), async (c) => {
    const principal = principalOf(c)
    const { limit, cursor, format, ...filters } = c.req.valid('query')
    const memberId = principal.permissions.includes('calls:read:all') ? undefined : principal.id
    const key = settingsOf(c.env).CURSOR_KEY
    const scope = [memberId ?? null, filters]
    const list = signedList<HistoryPosition>(c, key, 'calls/history', scope)
    const after = await list.after(cursor)
    if (format === 'csv') {
      const rows = allRows(c.env.DB, memberId, filters, after)
      // Read before the answer begins, so that a database that is away is a problem and no file cut short.
      const first = await rows.next()
      return c.body(csvStream(recordColumns, first, rows), 200, {
        'content-type': 'text/csv; charset=utf-8; header=present',
        'content-disposition': 'attachment; filename="calls.csv"',
        'cache-control': 'no-store',
      }) as never
    }
    return c.json(await list.page(await listCalls(c.env.DB, memberId, filters, limit, after)), 200)
  })
}

async function* allRows(
  db: D1Database,
  memberId: string | undefined,
  filters: HistoryFilters,
  start: HistoryPosition | undefined,
): AsyncGenerator<Cell[][]> {
  let after = start
  for (;;) {
    const { items, next } = await listCalls(db, memberId, filters, CSV_PAGE, after)
    if (items.length > 0) yield items.map(toCells)
    if (next === undefined) return
    after = next
  }
}

const toCells = (record: CallRecord): Cell[] => recordColumns.map((column) => record[column])
