import type { User, UserListQuery } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { and, asc, desc, eq, type SQL, sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import type { Identifier } from '../identifiers.ts'
import { type UserRow, users } from './schema.ts'

const handles = new WeakMap<D1Database, DrizzleD1Database>()

function handleOf(db: D1Database): DrizzleD1Database {
  const known = handles.get(db) ?? drizzle(db)
  handles.set(db, known)
  return known
}

/** Built once for each handle: asked with every profile. */
const byId = new WeakMap<D1Database, ReturnType<typeof prepareById>>()

const prepareById = (db: D1Database) =>
  handleOf(db)
    .select()
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

/** The account with this id. */
export function findUser(db: D1Database, id: string): Promise<UserRow | undefined> {
  const query = byId.get(db) ?? prepareById(db)
  byId.set(db, query)
  return query.get({ id })
}

const columns = { username: users.username, phone_number: users.phoneNumber, email: users.email }

/** The account an identifier names. */
export const findByIdentifier = (db: D1Database, by: Identifier): Promise<UserRow | undefined> =>
  handleOf(db).select().from(users).where(eq(columns[by.column], by.value)).get()

/** Where a page of the list begins: the sorted value and the id of the row before it. */
export type ListPosition = readonly [value: string | number, id: string]

/** A page of accounts and one row more, where there is one. */
export function listUsers(
  db: D1Database,
  query: UserListQuery,
  after: ListPosition | undefined,
): Promise<UserRow[]> {
  const column = query.sort.endsWith('username') ? users.username : users.createdAt
  const descending = query.sort.startsWith('-')
  const order = descending ? desc : asc
  return handleOf(db)
    .select()
    .from(users)
    .where(
      and(
        query.status === undefined ? undefined : eq(users.status, query.status),
        query.role === undefined ? undefined : holdsRole(query.role),
        query.q === undefined ? undefined : matches(query.q),
        after === undefined ? undefined : beyond(column, descending, after),
      ),
    )
    .orderBy(order(column), order(users.id))
    .limit(query.limit + 1)
    .all()
}

/** The position a row stands at in a list. */
export const positionOf = (row: UserRow, sort: UserListQuery['sort']): ListPosition => [
  sort.endsWith('username') ? row.username : row.createdAt,
  row.id,
]

const holdsRole = (role: string): SQL =>
  sql`EXISTS (SELECT 1 FROM json_each(${users.roles}) WHERE value = ${role})`

/** `instr` and not `LIKE`: D1 takes LIKE patterns of at most 50 bytes, and these need no escapes. */
const matches = (text: string): SQL =>
  sql`(instr(${users.username}, ${text.toLowerCase()}) = 1
       OR instr(${users.searchName}, ${text.toLowerCase()}) > 0)`

/** A comparison of rows, which the index on both columns answers. */
function beyond(
  column: typeof users.username | typeof users.createdAt,
  descending: boolean,
  [value, id]: ListPosition,
): SQL {
  const operator = sql.raw(descending ? '<' : '>')
  return sql`(${column}, ${users.id}) ${operator} (${value}, ${id})`
}

/** What a list shows of an account. */
export const toUser = (row: UserRow): User => ({
  id: row.id,
  username: row.username,
  phoneNumber: row.phoneNumber,
  phoneNumberVerified: row.phoneNumberVerified,
  email: row.email,
  emailVerified: row.emailVerified,
  displayName: row.displayName,
  roles: row.roles,
  locale: row.locale,
  timeZone: row.timeZone,
  createdAt: toTimestamp(row.createdAt),
  status: row.status,
})
