import type { OAuthClient } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { Client } from './clients.ts'

/** A registered client with its times, milliseconds since the epoch. */
export interface RegisteredClient extends Client {
  createdAt: number
  updatedAt: number
}

export interface ClientRow {
  id: string
  type: 'public' | 'confidential'
  name: string
  secret_hash: string | null
  redirect_uris: string
  post_logout_redirect_uris: string
  grant_types: string
  scopes: string
  roles: string
  first_party: number
  created_at: number
  updated_at: number
}

const list = <T>(json: string): T[] => JSON.parse(json) as T[]

export const fromRow = (row: ClientRow): RegisteredClient => ({
  id: row.id,
  type: row.type,
  name: row.name,
  secretHash: row.secret_hash,
  redirectUris: list(row.redirect_uris),
  postLogoutRedirectUris: list(row.post_logout_redirect_uris),
  grantTypes: list(row.grant_types),
  scopes: list(row.scopes),
  roles: list(row.roles),
  firstParty: row.first_party === 1,
  builtIn: false,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
})

/** The values of a row in the order of `columns`. */
export const columns =
  'id, type, name, secret_hash, redirect_uris, post_logout_redirect_uris, grant_types, scopes, roles, first_party, created_at, updated_at'
export const toValues = (client: RegisteredClient): (string | number | null)[] => [
  client.id,
  client.type,
  client.name,
  client.secretHash,
  JSON.stringify(client.redirectUris),
  JSON.stringify(client.postLogoutRedirectUris),
  JSON.stringify(client.grantTypes),
  JSON.stringify(client.scopes),
  JSON.stringify(client.roles),
  client.firstParty ? 1 : 0,
  client.createdAt,
  client.updatedAt,
]

/** What administrators see. The secret's hash is nobody's business. */
export const toOAuthClient = (client: RegisteredClient): OAuthClient => ({
  id: client.id,
  type: client.type,
  name: client.name,
  redirectUris: client.redirectUris,
  postLogoutRedirectUris: client.postLogoutRedirectUris,
  grantTypes: client.grantTypes,
  scopes: client.scopes,
  roles: client.roles,
  firstParty: client.firstParty,
  createdAt: toTimestamp(client.createdAt),
  updatedAt: toTimestamp(client.updatedAt),
})
