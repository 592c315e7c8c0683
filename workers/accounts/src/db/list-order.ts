import type { UserListQuery } from '@menagerie/contracts'
import { asc, type Column, desc, type SQL, sql } from 'drizzle-orm'
import type { UserRow } from './schema.ts'

/** Where a page ends: the sorted values of its last row, or that row's number in a search. */
export type ListPosition = readonly (string | number)[]

export interface ListPage {
  rows: UserRow[]
  /** Where the next page begins; `undefined` at the end. */
  next: ListPosition | undefined
}

/** Which column a list is sorted by, and which way. */
export const sortOf = ({ sort }: Pick<UserListQuery, 'sort'>) => ({
  byName: sort.endsWith('username'),
  order: sort.startsWith('-') ? desc : asc,
  operator: sql.raw(sort.startsWith('-') ? '<' : '>'),
})

/** A comparison of rows, which the index on the same columns answers. */
export function beyond(
  keys: Column[],
  query: Pick<UserListQuery, 'sort'>,
  after: ListPosition | undefined,
): SQL | undefined {
  if (after === undefined) return undefined
  const [left, right] = [keys.map((key) => sql`${key}`), after.map((value) => sql`${value}`)]
  return sql`(${sql.join(left, sql`, `)}) ${sortOf(query).operator} (${sql.join(right, sql`, `)})`
}
