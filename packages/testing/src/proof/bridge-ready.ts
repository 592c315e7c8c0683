import type { BridgeProcess } from '../launcher/bridge-process.ts'
import { waitFor } from '../wait-for.ts'

/** What `/health/ready` answers; 0 while nobody does. */
export async function readinessOf({ url }: Pick<BridgeProcess, 'url'>): Promise<number> {
  try {
    return (await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(2_000) })).status
  } catch {
    return 0
  }
}

/** Waits, however long the edge behind it takes; a bridge that is down is started. */
export async function whenReady(bridge: BridgeProcess, timeoutMs = 120_000): Promise<void> {
  await bridge.start({ wait: false })
  await waitFor(async () => (await readinessOf(bridge)) === 200, {
    what: 'the bridge to be ready',
    timeoutMs,
    intervalMs: 20,
  })
}
