import { clockOf } from '@menagerie/core'
import type { Env } from '../context.ts'
import { BROWSER_SESSION_SECONDS } from './browser-session.ts'
import { shardOf } from './places.ts'

const MODEL = 'SignedOut'

/** A browser's session, and what was begun in it, is over by then. */
const KEPT_MS = (BROWSER_SESSION_SECONDS + 3_600) * 1000

/**
 * Notes that all sessions of an account are being ended, before they are: what was granted and not yet exchanged, and a
 * browser's session that has opened none yet, are nowhere among them.
 */
export async function markSignedOut(env: Env, accountId: string): Promise<void> {
  const { id, store } = await shardOf(env, `account:${accountId}`)
  const payload = JSON.stringify(clockOf(env).now())
  await store.put({ model: MODEL, id, payload, lifetimeMs: KEPT_MS })
}

/** When that was last, milliseconds since the epoch; 0 for not lately. */
export async function signedOutAt(env: Env, accountId: string): Promise<number> {
  const { id, store } = await shardOf(env, `account:${accountId}`)
  const row = await store.find(MODEL, id)
  return row === null ? 0 : (JSON.parse(row.payload) as number)
}
