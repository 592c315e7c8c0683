import type { UserListQuery } from '@menagerie/contracts'
import { and, eq, getTableColumns, type SQL, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { type SearchTerms, searchExpression } from '../users/search-words.ts'
import { beyond, type ListPage, type ListPosition, sortOf } from './list-order.ts'
import { userRoles, users } from './schema.ts'

/** So many matches are sorted by user name; where there are more, the names are walked instead. */
export const SORTED_MATCHES = 1_000
/** Names that one request walks at most. */
export const WALKED_NAMES = 2_000

/**
 * A page of a search. In the order of age it walks the word index and stops with the page. In the order of user names it
 * sorts up to `SORTED_MATCHES`; where there are more, it walks `WALKED_NAMES` names and keeps those that match, so that
 * such a page may be short, or empty, and have a next one all the same.
 */
export async function search(
  db: D1Database,
  query: UserListQuery,
  terms: SearchTerms,
  after: ListPosition | undefined,
): Promise<ListPage> {
  const expression = searchExpression(terms, query)
  if (!sortOf(query).byName) {
    const found = await byAge(db, query, expression, after).all()
    const last = found.length > query.limit ? found[query.limit - 1] : undefined
    return {
      rows: found.slice(0, query.limit).map(({ number: _number, ...row }) => row),
      next: last && [last.number],
    }
  }
  const few = await hasFewMatches(db, expression)
  if (!few) return walkNames(db, query, terms, after)
  const rows = await sortedByName(db, query, expression, after).all()
  const last = rows.length > query.limit ? rows[query.limit - 1] : undefined
  return { rows: rows.slice(0, query.limit), next: last && [last.username] }
}

const words = sql.raw('user_search')
const rowNumber = sql<number>`user_search.rowid`

/** Accounts are numbered as they are made, so the word index gives them in the order of age. */
export function byAge(
  db: D1Database,
  query: UserListQuery,
  expression: string,
  after: ListPosition | undefined,
) {
  const { order, operator } = sortOf(query)
  return drizzle(db)
    .select({ ...getTableColumns(users), number: rowNumber })
    .from(sql`${words}`)
    .crossJoin(users)
    .where(
      and(
        sql`users.rowid = ${rowNumber}`,
        sql`user_search MATCH ${expression}`,
        // The word index skips to a whole number; D1 binds numbers as reals, which it would compare one by one.
        after === undefined
          ? undefined
          : sql`${rowNumber} ${operator} CAST(${after[0]} AS INTEGER)`,
      ),
    )
    .orderBy(order(rowNumber))
    .limit(query.limit + 1)
}

async function hasFewMatches(db: D1Database, expression: string): Promise<boolean> {
  const row = await db
    .prepare(
      `SELECT count(*) AS n FROM (SELECT 1 FROM user_search WHERE user_search MATCH ? LIMIT ${SORTED_MATCHES + 1})`,
    )
    .bind(expression)
    .first<{ n: number }>()
  return (row?.n ?? 0) <= SORTED_MATCHES
}

function sortedByName(
  db: D1Database,
  query: UserListQuery,
  expression: string,
  after: ListPosition | undefined,
) {
  return drizzle(db)
    .select(getTableColumns(users))
    .from(sql`${words}`)
    .crossJoin(users)
    .where(
      and(
        sql`users.rowid = ${rowNumber}`,
        sql`user_search MATCH ${expression}`,
        beyond([users.username], query, after),
      ),
    )
    .orderBy(sortOf(query).order(users.username))
    .limit(query.limit + 1)
}

async function walkNames(
  db: D1Database,
  query: UserListQuery,
  terms: SearchTerms,
  after: ListPosition | undefined,
): Promise<ListPage> {
  const { order } = sortOf(query)
  const handle = drizzle(db)
  const walk = walkStatement(db, query, after).as('walk')
  const [rows, [end]] = await handle.batch([
    handle
      .select(getTableColumns(users))
      .from(walk)
      .innerJoin(users, eq(users.id, walk.id))
      .where(matches(terms))
      .orderBy(order(users.username))
      .limit(query.limit + 1),
    handle
      .select({ username: walk.username, walked: sql<number>`count(*) OVER ()` })
      .from(walk)
      .orderBy(sql`${walk.username} ${sql.raw(query.sort.startsWith('-') ? 'ASC' : 'DESC')}`)
      .limit(1),
  ])
  const last = rows.length > query.limit ? rows[query.limit - 1] : undefined
  const stopped = end !== undefined && end.walked === WALKED_NAMES ? end.username : undefined
  const next = last?.username ?? stopped
  return { rows: rows.slice(0, query.limit), next: next === undefined ? undefined : [next] }
}

/** The next piece of the names, of everybody or of a role's holders. */
function walkStatement(db: D1Database, query: UserListQuery, after: ListPosition | undefined) {
  const { order } = sortOf(query)
  const from = query.role === undefined ? users : userRoles
  const id = query.role === undefined ? users.id : userRoles.userId
  return drizzle(db)
    .select({
      id: sql<string>`${id}`.as('walked_id'),
      username: sql<string>`${from.username}`.as('walked_name'),
    })
    .from(from)
    .where(
      and(
        query.role === undefined ? undefined : eq(userRoles.role, query.role),
        query.status === undefined ? undefined : eq(from.status, query.status),
        beyond([from.username], query, after),
      ),
    )
    .orderBy(order(from.username))
    .limit(WALKED_NAMES)
}

/** The same as the word index says of an account, without it. */
function matches({ words: all, name }: SearchTerms): SQL {
  const username = sql`replace(ltrim(${users.username}, '+'), '''', '.')`
  const beginsName = (text: string) => sql`instr(${username}, ${text}) = 1`
  const each = all.map(
    (word) =>
      sql`(${beginsName(word)} OR instr(' ' || coalesce(${users.searchName}, ''), ${` ${word}`}) > 0)`,
  )
  const both = all.length === 0 ? sql`false` : sql.join(each, sql` AND `)
  return name === undefined ? both : sql`((${both}) OR ${beginsName(name)})`
}
