import type { BridgeProcess } from '../launcher/bridge-process.ts'
import type { System } from '../launcher/system.ts'
import { waitFor } from '../wait-for.ts'
import { readinessOf } from './bridge-ready.ts'
import { Fleet } from './fleet.ts'
import { heldBy } from './held-by.ts'
import type { TwinCount } from './twin-count.ts'

export interface Outage {
  prefix: string
  messages: number
  devices: number
  /** Something is taken away. @returns brings it back; nothing else may be needed */
  begin(): Promise<() => Promise<void>>
}

export interface OutageCount extends TwinCount {
  /** Whether `/health/ready` of the bridge was red during the outage, and green after it without a hand. */
  toldOf: boolean
  /** Messages that the edge held for single devices: an outage is nobody's alone. */
  held: number
}

/** Devices that trust only their twins send before, during and after an outage. */
export async function outage(
  system: System,
  { prefix, messages, devices, begin }: Outage,
): Promise<OutageCount> {
  const { bridge } = system.mqtt ?? {}
  if (bridge === undefined) throw new Error('the system has no bridge')
  const before = await heldBy(bridge)
  const fleet = await Fleet.start(system, { prefix, devices, messages, trusts: 'acks' })
  try {
    fleet.allow(0.3)
    await fleet.whenPublished(fleet.messages * 0.2)
    const end = await begin()
    fleet.allow(0.7)
    const red = await isSoon(bridge, 503)
    await end()
    fleet.allow(1)
    const green = await isSoon(bridge, 200)
    await fleet.whenForgotten()
    return { ...(await fleet.count()), toldOf: red && green, held: (await heldBy(bridge)) - before }
  } finally {
    await fleet.stop()
  }
}

const isSoon = (bridge: BridgeProcess, wanted: number): Promise<boolean> =>
  waitFor(async () => (await readinessOf(bridge)) === wanted, {
    what: `/health/ready to answer ${wanted}`,
    timeoutMs: 90_000,
    intervalMs: 100,
  }).then(
    () => true,
    () => false,
  )

/** The broker ends and is there again. */
export const brokerAway = (system: System) => async () => {
  await system.mqtt?.broker?.kill()
  return async () => {
    await system.mqtt?.broker?.start()
  }
}

/** The edge ends and is there again. */
export const edgeAway = (system: System) => async () => {
  await system.kill()
  return () => system.restart()
}
