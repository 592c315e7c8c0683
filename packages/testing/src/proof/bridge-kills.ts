import type { System } from '../launcher/system.ts'
import { whenReady } from './bridge-ready.ts'
import { Fleet } from './fleet.ts'
import type { NaiveBridge } from './naive.ts'
import type { TwinCount } from './twin-count.ts'

export interface BridgeKills {
  prefix: string
  messages: number
  devices: number
  /** kill -9 of the bridge, evenly over the messages. */
  kills: number
  /** kill -9 of wrangler and every workerd. */
  edgeKills: number
  /** An ordinary bridge beside ours that is killed too. */
  naive?: NaiveBridge
  /** It is killed with every so many kills of ours; each unless given. */
  naiveEvery?: number
}

/**
 * Devices that trust the broker send while the bridge is killed again and again, and the edge now and then. Between the
 * broker's PUBACK and the twin everything is up to the bridge.
 */
export async function bridgeKills(
  system: System,
  { prefix, messages, devices, kills, edgeKills, naive, naiveEvery = 1 }: BridgeKills,
): Promise<TwinCount> {
  const { bridge } = system.mqtt ?? {}
  if (bridge === undefined) throw new Error('the system has no bridge')
  const fleet = await Fleet.start(system, { prefix, devices, messages, trusts: 'puback' })
  try {
    const edgeEvery = edgeKills === 0 ? Number.POSITIVE_INFINITY : Math.floor(kills / edgeKills)
    for (let kill = 1; kill <= kills; kill++) {
      // A bridge that is killed before it took anything would prove nothing: it is at work, on what came meanwhile.
      await whenReady(bridge)
      fleet.allow(kill / kills)
      await fleet.whenPublished(Math.floor((fleet.messages * (kill - 0.5)) / kills))
      await bridge.kill()
      // Not at the last, after which nothing more may come that it could lose.
      const naiveToo = kill % naiveEvery === 0 && kill < kills ? naive : undefined
      await naiveToo?.kill()
      // What is published now lies with the broker until both are back.
      fleet.allow((kill + 0.5) / kills)
      if (naiveToo !== undefined) {
        await fleet.whenPublished(Math.floor((fleet.messages * (kill + 0.25)) / kills))
        await naiveToo.dieAtWork()
      }
      if (kill % edgeEvery === 0) {
        await system.kill()
        await bridge.start({ wait: false })
        await system.restart()
      } else await bridge.start({ wait: false })
    }
    fleet.allow(1)
    await fleet.whenForgotten()
    await whenReady(bridge)
    return await fleet.count()
  } finally {
    await fleet.stop()
  }
}
