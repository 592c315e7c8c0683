import { freePort, isPortFree } from '../free-port.ts'

/** How far a person has to look for what could not have its usual port. */
const NEAR = 20

/**
 * Starts something on the first free port from a preferred one on, or on any where none is preferred. Between the look
 * and the start another system may take the port: then the next one is tried.
 *
 * @param start throws when it cannot listen
 */
export async function startNearPort<T>(
  preferred: number | undefined,
  start: (port: number) => Promise<T>,
): Promise<T> {
  for (let from = preferred; ; ) {
    const port = await portFrom(from, preferred)
    try {
      return await start(port)
    } catch (error) {
      // A free port is not what it failed for.
      if (await isPortFree(port)) throw error
      if (from !== undefined) from = port + 1
    }
  }
}

async function portFrom(from: number | undefined, preferred: number | undefined): Promise<number> {
  if (from === undefined || preferred === undefined) return freePort()
  for (let port = from; port < preferred + NEAR; port++) if (await isPortFree(port)) return port
  return freePort()
}
