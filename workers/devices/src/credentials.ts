import type { DeviceCredentials } from '@menagerie/contracts'
import { AppError, clockOf, newId, randomToken, sha256Hex, toTimestamp } from '@menagerie/core'
import { type Env, settingsOf } from './context.ts'
import { putCredentials } from './db/credentials.ts'
import { claimKey, finishKey, releaseKey } from './db/idempotency-keys.ts'
import { idempotencyMismatch, linkOf } from './twins.ts'

const RETRY_AFTER_SECONDS = 5

/**
 * Gives a device a new password, 32 random bytes as base64url; earlier ones end. It is answered when the broker has it.
 *
 * The order is: take the key, tell the broker, then write hash and key in one batch, then answer. Our rows say what was
 * shown, so they must never be ahead of the broker: the other way round, a crash between would leave a password on
 * record that the broker refuses and whose repeat we refuse too. This way round it leaves one in the broker that nobody
 * saw, and a repeat, which the key lets through once it has expired, replaces it.
 *
 * @param keyId what stands for the caller's idempotency key
 * @throws AppError `secret_already_shown`, `idempotency_in_progress`, `idempotency_mismatch`, `unavailable`
 */
export async function issueCredentials(
  env: Env,
  deviceId: string,
  keyId: string | undefined,
): Promise<DeviceCredentials> {
  const { DB: db } = env
  const now = clockOf(env).now()
  const claim = keyId === undefined ? undefined : await takeKey(db, keyId, deviceId, now)
  const password = randomToken(32)
  try {
    if (settingsOf(env).BROKER_ACCESS === 'tell') await tellBroker(env, deviceId, password)
    await db.batch([
      putCredentials(db, deviceId, await sha256Hex(password), now),
      ...(keyId === undefined || claim === undefined ? [] : [finishKey(db, keyId, claim, now)]),
    ])
  } catch (error) {
    // Nothing was shown: the same request may come again at once.
    if (keyId !== undefined && claim !== undefined)
      await releaseKey(db, keyId, claim).catch(() => undefined)
    throw error
  }
  return { username: deviceId, password, clientId: deviceId, createdAt: toTimestamp(now) }
}

async function takeKey(
  db: D1Database,
  keyId: string,
  deviceId: string,
  now: number,
): Promise<string> {
  const taken = await claimKey(db, keyId, deviceId, 'running', newId(), now)
  switch (taken.state) {
    case 'ours':
      return taken.claim
    case 'running':
      throw new AppError('idempotency_in_progress', 'The first request has not ended yet', taken)
    case 'done':
      throw new AppError(
        'secret_already_shown',
        'The password was shown to the first request and is kept nowhere; ask for a new one with another key',
      )
    case 'mismatch':
      throw idempotencyMismatch()
  }
}

/** Where no bridge confirms, the broker keeps the password it has, unless the confirmation alone was lost. */
async function tellBroker(env: Env, deviceId: string, password: string): Promise<void> {
  const told = await linkOf(env, 'default').setCredentials(deviceId, password)
  if (told.ok) return
  throw new AppError(
    'unavailable',
    `The broker did not confirm the new password: ${told.error.detail}`,
    {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    },
  )
}
