import { sha256Hex } from '@menagerie/core'
import type { Env } from '../context.ts'

/** Shards of what belongs to no grant yet: browsers' sessions, interactions, device codes and indexes. */
const SHARDS = 64

/** The form of a grant's id, which is the session's `sid` later: whatever else is asked for is nobody's. */
const grantIdForm = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/

/** The object of one grant: the grant, its code, and what the engine knows of its refresh tokens. */
export const grantStore = (env: Env, grantId: string) =>
  env.OAUTH_STORE.getByName(`grant:${grantId}`)

/** Where a thing without a grant lies. What names it may be a secret, so it is kept under its SHA-256. */
export async function shardOf(env: Env, name: string) {
  const id = await sha256Hex(name)
  const shard = Number.parseInt(id.slice(0, 8), 16) % SHARDS
  return { id, store: env.OAUTH_STORE.getByName(`shard:${shard}`) }
}

/** The id of a code tells its grant, so that no index is asked: `{grantId}.{256 random bits}`. */
export function grantOfCode(code: string): string | undefined {
  const [grantId = '', secret, ...more] = code.split('.')
  return secret !== undefined && more.length === 0 && isGrantId(grantId) ? grantId : undefined
}

export const isGrantId = (text: string): boolean => grantIdForm.test(text)
