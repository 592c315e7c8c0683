import type { CloudEvent, EventData } from '@menagerie/contracts'
import { newId } from '@menagerie/core'
import { findUser } from '../../src/db/users.ts'
import { openSession } from '../../src/sessions/open-session.ts'
import { tokensFor } from '../../src/sessions/tokens.ts'
import { call, claimsOf, env, password, seeded } from '../support/accounts.ts'

const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export interface Person {
  id: string
  username: string
  /** Of a sign-in with two factors. */
  token: string
}

export const freshEmail = (): string => `${newId()}@example.com`

/** Somebody with these roles, signed in with two factors. */
export async function person(...roles: string[]): Promise<Person> {
  const username = await seeded('user', freshEmail())
  await env.DB.prepare('UPDATE users SET roles = ? WHERE username = ?')
    .bind(JSON.stringify(roles), username)
    .run()
  const row = await env.DB.prepare('SELECT id FROM users WHERE username = ?')
    .bind(username)
    .first<{ id: string }>()
  const id = row?.id ?? ''
  return { id, username, token: await signInAgain(id) }
}

/** Another session with two factors. */
export async function signInAgain(id: string): Promise<string> {
  const user = await findUser(env.DB, id)
  if (user === undefined) throw new Error(`There is no account ${id}`)
  const grant = await openSession(env, {
    user,
    clientId: env.CLIENT_ID,
    deviceName: null,
    methods: ['pwd', 'otp'],
    traceparent,
  })
  return (await tokensFor(env, user, grant)).access_token
}

/** A role of our own that nobody else has. */
export async function customRole(by: Person, ...permissions: string[]): Promise<string> {
  const name = `role-${newId()}`
  const answer = await call('/roles', { token: by.token, body: { name, permissions } })
  if (answer.status !== 201) throw new Error(`POST /roles answered ${answer.status}`)
  return name
}

/** What was audited of a target, oldest first, as the outbox has it. */
export async function audited(targetId: string): Promise<EventData<'audit.recorded.v1'>[]> {
  const { results } = await env.DB.prepare(
    `SELECT body FROM outbox WHERE destination = 'audit' AND json_extract(body, '$.data.target.id') = ?
     ORDER BY rowid`,
  )
    .bind(targetId)
    .all<{ body: string }>()
  return results.map(({ body }) => (JSON.parse(body) as CloudEvent<'audit.recorded.v1'>).data)
}

/** Whether a token's session stands and the token is not void. */
export async function isGood(token: string): Promise<boolean> {
  const { sub, sid, iat } = claimsOf(token)
  const check = await env.USER_SESSIONS.getByName(String(sub)).check(String(sid), Number(iat))
  return check.alive
}

export const login = (username: string) =>
  call('/auth/login', {
    body: { username, password },
    headers: { 'cf-connecting-ip': `10.9.${numbers++ % 250}.1` },
  })
let numbers = 0

/** Everything D1 holds, as one text. */
export async function dump(): Promise<string> {
  const tables = await env.DB.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '_cf%' AND name NOT LIKE 'user_search%'`,
  ).all<{ name: string }>()
  const texts: string[] = []
  for (const { name } of tables.results)
    texts.push(JSON.stringify((await env.DB.prepare(`SELECT * FROM "${name}"`).all()).results))
  return texts.join('\n')
}
