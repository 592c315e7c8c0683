import { type GrantType, type Scope, serviceClients } from '@menagerie/contracts'
import { clockOf, sha256Hex } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import { type ClientRow, fromRow } from './client-rows.ts'

/** An OAuth client as the token endpoint and the pages see it. */
export interface Client {
  id: string
  type: 'public' | 'confidential'
  name: string
  /** SHA-256 of the secret, hex; `null` for public clients. */
  secretHash: string | null
  redirectUris: string[]
  postLogoutRedirectUris: string[]
  grantTypes: GrantType[]
  scopes: Scope[]
  /** Roles of the client's own tokens. */
  roles: string[]
  firstParty: boolean
  /** From the settings: cannot be changed or deleted. */
  builtIn: boolean
}

/** How long a registration is used without asking again: a deleted client is refused within that time. */
const FRESH_MS = 5_000
/** Clients kept in memory at most, unknown names included. */
const CACHE_LIMIT = 1_000

const caches = new WeakMap<object, Map<string, { at: number; client: Client | undefined }>>()

/** Those that the settings name: the client people sign in with, and the bridge. */
export async function builtInClients(env: Env): Promise<Client[]> {
  const settings = settingsOf(env)
  const none = { redirectUris: [], postLogoutRedirectUris: [], builtIn: true, firstParty: true }
  return [
    {
      ...none,
      id: settings.CLIENT_ID,
      type: 'public',
      name: 'Menagerie',
      secretHash: null,
      grantTypes: ['refresh_token'],
      scopes: ['profile', 'email'],
      roles: [],
    },
    {
      ...none,
      id: 'bridge',
      type: 'confidential',
      name: 'Device bridge',
      secretHash: await sha256Hex(settings.BRIDGE_CLIENT_SECRET),
      grantTypes: ['client_credentials'],
      scopes: [],
      roles: [serviceClients.bridge],
    },
  ]
}

/** The client with this id, built in or registered. */
export async function findClient(env: Env, id: string): Promise<Client | undefined> {
  const builtIn = (await builtInClients(env)).find((client) => client.id === id)
  if (builtIn !== undefined) return builtIn
  const cache = caches.get(env) ?? new Map<string, { at: number; client: Client | undefined }>()
  caches.set(env, cache)
  const now = clockOf(env).now()
  const known = cache.get(id)
  if (known !== undefined && now - known.at < FRESH_MS) return known.client
  const row = await env.DB.prepare('SELECT * FROM oauth_clients WHERE id = ?')
    .bind(id)
    .first<ClientRow>()
  const client = row === null ? undefined : fromRow(row)
  if (cache.size >= CACHE_LIMIT) cache.clear()
  cache.set(id, { at: now, client })
  return client
}

/** Forgets what is remembered of a client in this isolate, after a change. */
export const forgetClient = (env: Env, id: string): void => {
  caches.get(env)?.delete(id)
}

/** Every id whose tokens receivers may accept (`azp`), as D1 has them now: whoever asks often keeps the answer. */
export async function knownClientIds(env: Env): Promise<string[]> {
  const { results } = await env.DB.prepare('SELECT id FROM oauth_clients ORDER BY id').all<{
    id: string
  }>()
  const builtIn = await builtInClients(env)
  return [...builtIn.map(({ id }) => id), ...results.map(({ id }) => id)]
}
