import { setTimeout as pause } from 'node:timers/promises'
import { ApiError, type Client } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'

const TRIES = 20

/**
 * Registers a device, unless it is there already, and asks for its password.
 *
 * @throws ApiError when the API refuses, or is away for long
 */
export async function registerDevice(
  client: Client,
  id: string,
  signal: AbortSignal,
): Promise<string> {
  await patiently(signal, async () => {
    try {
      await client.call(devices.create, {
        body: { id, name: `Simulated ${id}`, metadata: { madeBy: 'lab' } },
        signal,
      })
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 'conflict')) throw error
    }
  })
  return patiently(signal, async () => {
    const { data } = await client.call(devices.credentials, { params: { id }, signal })
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
