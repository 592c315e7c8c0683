import { clockOf, verifierFor } from '@menagerie/core'
import { type Env, settingsOf } from './context.ts'
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

/** Verifies tokens with our own store instead of asking ourselves over HTTP. */
export const verifier = verifierFor('accounts', (env) => signingKeysOf(env as Env))
