import { AppError, clockOf, idFromKey, newId } from '@menagerie/core'
import type { Env } from './context.ts'
import { claimKey, releaseKey } from './db/idempotency-keys.ts'

const RETRY_AFTER_SECONDS = 1

/**
 * Changes a device's credentials, or ends them with the device: one change at a time, since each is told to the link and
 * written to our rows, and both must tell of the same one. A turn that never ends, because its isolate did, is over after
 * as long as a request may take.
 *
 * @throws AppError `unavailable` while another change runs
 */
export async function inTurn<T>(env: Env, deviceId: string, change: () => Promise<T>): Promise<T> {
  const { DB: db } = env
  const turn = await idFromKey('devices', 'credentials in turn', deviceId)
  const taken = await claimKey(db, turn, deviceId, 'running', newId(), clockOf(env).now())
  if (taken.state !== 'ours')
    throw new AppError('unavailable', "The device's credentials are being changed right now", {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    })
  try {
    return await change()
  } finally {
    await releaseKey(db, turn, taken.claim).catch(() => undefined)
  }
}
