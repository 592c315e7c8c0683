import type {
  AuditAction,
  CreateClientRequest,
  OAuthClient,
  UpdateClientRequest,
} from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  type ListPage,
  newId,
  type Principal,
  pageOf,
  randomToken,
  sha256Hex,
} from '@menagerie/core'
import { auditStatements, oneRowChanged } from '../audit.ts'
import type { Env } from '../context.ts'
import { wakeSweeper } from '../outbox.ts'
import { clientSubject } from '../sessions/tokens.ts'
import { doSessionWork, keepSessionWork } from '../users/session-work.ts'
import {
  type ClientRow,
  columns,
  fromRow,
  type RegisteredClient,
  toOAuthClient,
  toValues,
} from './client-rows.ts'
import { assertMayGive, assertUsable } from './client-rules.ts'
import { builtInClients, forgetClient } from './clients.ts'

/** Who changes clients, and in which request. */
export interface Change {
  principal: Principal
  traceparent: string
}

/** A client and its secret, which is nowhere else. */
export interface WithSecret {
  client: RegisteredClient
  secret: string | null
}

/** A page of clients by id. @param after the last one of the page before */
export async function listClients(
  env: Env,
  limit: number,
  [after]: readonly [id: string] = [''],
): Promise<ListPage<OAuthClient, [id: string]>> {
  const { results } = await env.DB.prepare(
    'SELECT * FROM oauth_clients WHERE id > ? ORDER BY id LIMIT ?',
  )
    .bind(after, limit + 1)
    .all<ClientRow>()
  return pageOf(
    results,
    limit,
    (row) => toOAuthClient(fromRow(row)),
    ({ id }) => [id],
  )
}

/** @throws AppError `not_found` */
export async function readClient(env: Env, id: string): Promise<RegisteredClient> {
  const row = await env.DB.prepare('SELECT * FROM oauth_clients WHERE id = ?')
    .bind(id)
    .first<ClientRow>()
  if (row === null) throw new AppError('not_found', 'There is no such client')
  return fromRow(row)
}

/** @throws AppError `conflict` for an id that is taken, `forbidden`, `validation_failed` */
export async function createClient(
  env: Env,
  body: CreateClientRequest,
  change: Change,
): Promise<WithSecret> {
  const now = clockOf(env).now()
  const secret = body.type === 'confidential' ? randomToken() : null
  const { id = newId(), ...fields } = body
  const client: RegisteredClient = {
    ...fields,
    id,
    secretHash: secret === null ? null : await sha256Hex(secret),
    builtIn: false,
    createdAt: now,
    updatedAt: now,
  }
  await assertMayGive(env, change.principal, client)
  await assertUsable(env, client)
  if ((await builtInClients(env)).some((known) => known.id === id)) throw taken()
  const values = toValues(client)
  const insert = env.DB.prepare(
    `INSERT INTO oauth_clients (${columns}) VALUES (${values.map(() => '?').join(', ')})
     ON CONFLICT DO NOTHING`,
  ).bind(...values)
  if (!(await apply(env, insert, 'client.created', client, change))) throw taken()
  return { client, secret }
}

/** @throws AppError `not_found`, `conflict` when somebody else changed it at the same time, `forbidden`, `validation_failed` */
export async function updateClient(
  env: Env,
  id: string,
  body: UpdateClientRequest,
  change: Change,
): Promise<RegisteredClient> {
  const before = await readClient(env, id)
  const given = Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== undefined),
  ) as Partial<RegisteredClient>
  const client = { ...before, ...given, updatedAt: later(env, before) }
  await assertMayGive(env, change.principal, before)
  await assertMayGive(env, change.principal, client)
  await assertUsable(env, client)
  const demoted = before.roles.some((role) => !client.roles.includes(role))
  return replace(
    env,
    before,
    client,
    'client.updated',
    change,
    demoted ? 'expire-tokens' : undefined,
  )
}

/** @throws AppError `not_found`, `forbidden`, `conflict` for a client that has no secret */
export async function rotateSecret(env: Env, id: string, change: Change): Promise<WithSecret> {
  const before = await readClient(env, id)
  if (before.type === 'public') throw new AppError('conflict', 'A public client has no secret')
  await assertMayGive(env, change.principal, before)
  const secret = randomToken()
  const client = { ...before, secretHash: await sha256Hex(secret), updatedAt: later(env, before) }
  return { client: await replace(env, before, client, 'client.secret-rotated', change), secret }
}

/** @throws AppError `not_found`, `forbidden` */
export async function removeClient(env: Env, id: string, change: Change): Promise<void> {
  const client = await readClient(env, id)
  await assertMayGive(env, change.principal, client)
  const remove = env.DB.prepare('DELETE FROM oauth_clients WHERE id = ?').bind(id)
  // Its own tokens end, or they would be good again for a later client of the same name.
  if (!(await apply(env, remove, 'client.deleted', client, change, 'end-sessions')))
    throw new AppError('not_found', 'There is no such client')
}

async function replace(
  env: Env,
  before: RegisteredClient,
  client: RegisteredClient,
  action: AuditAction,
  change: Change,
  ownTokens?: OwnTokens,
): Promise<RegisteredClient> {
  const names = columns.split(', ')
  const update = env.DB.prepare(
    `UPDATE oauth_clients SET ${names.map((name) => `${name} = ?`).join(', ')}
     WHERE id = ? AND updated_at = ?`,
  ).bind(...toValues(client), before.id, before.updatedAt)
  if (!(await apply(env, update, action, client, change, ownTokens)))
    throw new AppError('conflict', 'Somebody else has changed this client; read it again')
  return client
}

/** What a change does to the tokens that a client got for itself. */
type OwnTokens = 'expire-tokens' | 'end-sessions'

/** One change and its audit event, both or neither, and what must be done at the client's own tokens. */
async function apply(
  env: Env,
  statement: D1PreparedStatement,
  action: AuditAction,
  client: RegisteredClient,
  { principal, traceparent }: Change,
  ownTokens?: OwnTokens,
): Promise<boolean> {
  const entry = {
    action,
    actor: { kind: principal.kind, id: principal.id },
    target: { kind: 'client', id: client.id },
    detail: {
      type: client.type,
      grantTypes: client.grantTypes,
      roles: client.roles,
      firstParty: client.firstParty,
    },
  } as const
  const now = clockOf(env).now()
  const work =
    ownTokens === undefined
      ? undefined
      : keepSessionWork(
          env.DB,
          { task: ownTokens, userId: await clientSubject(env, client.id) },
          now,
          traceparent,
          oneRowChanged,
        )
  const [changed] = await env.DB.batch([
    statement,
    ...auditStatements(env.DB, entry, now, traceparent, oneRowChanged),
    ...(work === undefined ? [] : [work.statement]),
  ])
  forgetClient(env, client.id)
  if (work !== undefined) await doSessionWork(env, work.id)
  await wakeSweeper(env)
  return changed?.meta.changes === 1
}

/** Tells two changes of one millisecond apart. */
const later = (env: Env, before: RegisteredClient): number =>
  Math.max(clockOf(env).now(), before.updatedAt + 1)

const taken = () => new AppError('conflict', 'There is a client with this id')
