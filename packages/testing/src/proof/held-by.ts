import type { BridgeProcess } from '../launcher/bridge-process.ts'

/** Messages that the edge has held for single devices since the bridge began. */
export async function heldBy({ url }: Pick<BridgeProcess, 'url'>): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text()
  return Number(/^mqtt_bridge_results_total\{result="held"\} (\d+)$/m.exec(page)?.[1] ?? 0)
}
