import type { UserListQuery } from '@menagerie/contracts'
import { and, eq, getTableColumns } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { searchTerms } from '../users/search-words.ts'
import { beyond, type ListPage, type ListPosition, sortOf } from './list-order.ts'
import { type UserRow, userRoles, users } from './schema.ts'
import { search } from './search-users.ts'

/**
 * A page of accounts. Filters and orders without a search walk an index, so the work is bound by the page and not by the
 * number of accounts; for searches see `search`.
 */
export async function listUsers(
  db: D1Database,
  query: UserListQuery,
  after: ListPosition | undefined,
): Promise<ListPage> {
  if (query.q === undefined) {
    const rows = await listStatement(db, query, after).all()
    const next = rows.length > query.limit ? rows[query.limit - 1] : undefined
    return { rows: rows.slice(0, query.limit), next: next && positionOf(next, query) }
  }
  const terms = searchTerms(query.q)
  return terms === undefined ? { rows: [], next: undefined } : search(db, query, terms, after)
}

/** User names are unique; of the same moment's accounts the id decides. */
const positionOf = (row: UserRow, query: UserListQuery): ListPosition =>
  sortOf(query).byName ? [row.username] : [row.createdAt, row.id]

/** One walk of an index: on the accounts, or on the holders of a role. */
export function listStatement(
  db: D1Database,
  query: UserListQuery,
  after: ListPosition | undefined,
) {
  const { byName, order } = sortOf(query)
  const from = query.role === undefined ? users : userRoles
  const id = query.role === undefined ? users.id : userRoles.userId
  const keys = byName ? [from.username] : [from.createdAt, id]
  const walk = drizzle(db).select(getTableColumns(users)).from(from)
  // CROSS JOIN: the holders are walked in their order, and each one's account is looked up.
  const joined = query.role === undefined ? walk : walk.crossJoin(users as never)
  return joined
    .where(
      and(
        query.role === undefined ? undefined : eq(userRoles.role, query.role),
        query.role === undefined ? undefined : eq(users.id, userRoles.userId),
        query.status === undefined ? undefined : eq(from.status, query.status),
        beyond(keys, query, after),
      ),
    )
    .orderBy(...keys.map((key) => order(key)))
    .limit(query.limit + 1)
}
