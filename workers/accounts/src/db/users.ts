import type { User } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { eq, getTableColumns, sql } from 'drizzle-orm'
import { type DrizzleD1Database, drizzle } from 'drizzle-orm/d1'
import { type Factors, factorColumns, toFactors } from '../credentials/factors.ts'
import type { Identifier } from '../identifiers.ts'
import { type UserRow, users } from './schema.ts'

const handles = new WeakMap<D1Database, DrizzleD1Database>()

function handleOf(db: D1Database): DrizzleD1Database {
  const known = handles.get(db) ?? drizzle(db)
  handles.set(db, known)
  return known
}

/** Built once for each handle. */
const byId = new WeakMap<D1Database, ReturnType<typeof prepareById>>()
const withFactors = new WeakMap<D1Database, ReturnType<typeof prepareWithFactors>>()

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

const prepareWithFactors = (db: D1Database) =>
  handleOf(db)
    .select({ ...getTableColumns(users), ...factorColumns })
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare()

/** The account with this id and what it has set up, in one read: asked with every profile. */
export async function findUserWithFactors(
  db: D1Database,
  id: string,
): Promise<{ user: UserRow; factors: Factors } | undefined> {
  const query = withFactors.get(db) ?? prepareWithFactors(db)
  withFactors.set(db, query)
  const row = await query.get({ id })
  return row && { user: row, factors: toFactors(row) }
}

const columns = { username: users.username, phone_number: users.phoneNumber, email: users.email }

/** The account an identifier names. */
export const findByIdentifier = (db: D1Database, by: Identifier): Promise<UserRow | undefined> =>
  handleOf(db).select().from(users).where(eq(columns[by.column], by.value)).get()

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
