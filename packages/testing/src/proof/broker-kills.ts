import type { System } from '../launcher/system.ts'
import { whenReady } from './bridge-ready.ts'
import { Fleet } from './fleet.ts'
import type { TwinCount } from './twin-count.ts'

export interface BrokerKills {
  prefix: string
  messages: number
  devices: number
  kills: number
  trusts: 'acks' | 'puback'
}

/** With the bridge stalled, what is published lies in the broker alone: with a bridge at work a kill would find nothing. */
export async function brokerKills(
  system: System,
  { prefix, messages, devices, kills, trusts }: BrokerKills,
): Promise<TwinCount> {
  const { broker, bridge } = system.mqtt ?? {}
  if (bridge === undefined || broker === undefined) throw new Error('the system has no own broker')
  const fleet = await Fleet.start(system, { prefix, devices, messages, trusts })
  try {
    for (let kill = 1; kill <= kills; kill++) {
      const goOn = pauseGroup(bridge.pid)
      try {
        fleet.allow(kill / kills)
        await fleet.whenPublished(Math.floor((fleet.messages * (kill - 0.1)) / kills))
        await broker.kill()
        await broker.start()
      } finally {
        goOn()
      }
      await whenReady(bridge)
    }
    await fleet.whenForgotten()
    return await fleet.count()
  } finally {
    await fleet.stop()
  }
}

/** Stops a process group in its tracks (SIGSTOP). @returns lets it go on */
function pauseGroup(group: number | undefined): () => void {
  if (group === undefined) throw new Error('the bridge does not run')
  process.kill(-group, 'SIGSTOP')
  return () => process.kill(-group, 'SIGCONT')
}
