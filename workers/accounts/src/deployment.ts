import { clockOf, type KeySource, verifierFor } from '@menagerie/core'
import { type Env, settingsOf } from './context.ts'
import { knownClientIds } from './oauth/clients.ts'
import { refreshTokenKey } from './secrets.ts'
import { SigningKeyStore } from './tokens/signing-keys.ts'

/** Makes a thing once for each env object, so that its caches live as long as the isolate. */
const oncePerEnv = <T>(make: (env: Env) => T): ((env: Env) => T) => {
  const made = new WeakMap<Env, T>()
  return (env) => {
    const known = made.get(env)
    if (known !== undefined) return known
    const value = make(env)
    made.set(env, value)
    return value
  }
}

/** The keys that sign this deployment's tokens. */
export const signingKeysOf = oncePerEnv((env) => {
  const clock = clockOf(env)
  return new SigningKeyStore({
    db: env.DB,
    secret: settingsOf(env).KEY_ENCRYPTION_KEY,
    now: () => clock.now(),
  })
})

const refreshKeys = new WeakMap<Env, Uint8Array>()

/** The HMAC key of refresh tokens. */
export async function refreshTokenKeyOf(env: Env): Promise<Uint8Array> {
  const known = refreshKeys.get(env)
  if (known !== undefined) return known
  const key = await refreshTokenKey(settingsOf(env).KEY_ENCRYPTION_KEY)
  refreshKeys.set(env, key)
  return key
}

/** How long the registered clients are used without asking D1 again. */
const CLIENTS_FRESH_MS = 10_000

/** Our own keys and clients, for our own verifier. */
export const verificationOf = oncePerEnv((env): KeySource => {
  const clock = clockOf(env)
  let known: { at: number; clients: string[] } | undefined
  return {
    async keys(fresh) {
      const now = clock.now()
      if (known === undefined || fresh === 'signed' || now - known.at >= CLIENTS_FRESH_MS)
        known = { at: now, clients: await knownClientIds(env) }
      const { keys } = await signingKeysOf(env).keys(fresh !== false)
      return { keys, clients: known.clients }
    },
  }
})

/** Verifies tokens with our own store instead of asking ourselves over HTTP. */
export const verifier = verifierFor('accounts', (env) => verificationOf(env as Env))
