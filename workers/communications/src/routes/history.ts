import type { OpenAPIHono } from '@hono/zod-openapi'
import type { CallRecord } from '@menagerie/contracts'
import { calls } from '@menagerie/contracts/routes'
import {
  type Cell,
  csvStream,
  guardRoutes,
  page,
  principalOf,
  readCursor,
  signCursor,
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
    // A cursor is good for the caller and the filters it was made for.
    const scope = JSON.stringify(['calls/history', principal.id, memberId ?? null, filters])
    const after =
      cursor === undefined ? undefined : toPosition(await readCursor(key, scope, cursor))
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
    const { records, next } = await listCalls(c.env.DB, memberId, filters, limit, after)
    const nextCursor = next === undefined ? undefined : await signCursor(key, scope, next)
    return c.json(page(c, records, nextCursor), 200)
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
    const { records, next } = await listCalls(db, memberId, filters, CSV_PAGE, after)
    if (records.length > 0) yield records.map(toCells)
    if (next === undefined) return
    after = next
  }
}

const toCells = (record: CallRecord): Cell[] => recordColumns.map((column) => record[column])

const toPosition = ([createdAt, id]: (string | number)[]): HistoryPosition => [
  Number(createdAt),
  String(id),
]
