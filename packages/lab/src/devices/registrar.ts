import { setTimeout as pause } from 'node:timers/promises'
import { ApiError, type Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { withSecondFactor } from '../authenticator.ts'

const TRIES = 20

/** An account that registers devices, signed in. */
export interface Owner {
  session: Pick<Session, 'client' | 'stepUp'>
  /** Of its authenticator app (base32): passwords ask for a second factor. */
  totpSecret: string
  /** Told one line where it has to wait. */
  say?: (line: string) => void
}

/**
 * Registers a device, unless it is there already, and asks for its password.
 *
 * @throws ApiError when the API refuses, or is away for long
 */
export async function registerDevice(
  { session, totpSecret, say }: Owner,
  id: string,
  signal: AbortSignal,
): Promise<string> {
  await patiently(signal, async () => {
    try {
      await session.client.call(devices.create, {
        body: { id, name: `Simulated ${id}`, metadata: { madeBy: 'lab' } },
        signal,
      })
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'conflict')) throw error
    }
  })
  return patiently(signal, async () => {
    const ask = () => session.client.call(devices.credentials, { params: { id }, signal })
    const { data } = await withSecondFactor(session, totpSecret, ask, () =>
      say?.('Waits for the next code of the authenticator app, half a minute at most'),
    )
    return data.password
  })
}

/** Waits as long as the API asks for where it says that the same request may succeed later. */
async function patiently<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ApiError) || !error.retry || tries === TRIES) throw error
      await pause((error.retryAfterSeconds ?? 1) * 1000, undefined, { signal })
    }
  }
}
