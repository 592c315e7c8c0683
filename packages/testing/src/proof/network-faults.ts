import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FaultMode, type FaultProxy, startFaultProxy } from '../fault-proxy.ts'
import { freePort } from '../free-port.ts'
import { startBridgeProcess } from '../launcher/bridge-process.ts'
import { readLog } from '../launcher/read-log.ts'
import type { System } from '../launcher/system.ts'
import { whenReady } from './bridge-ready.ts'
import { Fleet } from './fleet.ts'
import type { TwinCount } from './twin-count.ts'

export interface NetworkFaults {
  prefix: string
  messages: number
  devices: number
  /** How often each fault is played on each of the two ways. */
  rounds: number
}

/** Long enough that requests and retries meet it. */
const FAULT_MS = 1_000
/** A wire that carries nothing is noticed by time-outs alone. */
const BLACK_HOLE_MS = 2_500
const PAUSE_MS = 150
const faults = ['reset', 'refuse', 'blackhole', 'dropReply'] as const satisfies FaultMode[]

/** A bridge of its own whose both ways, to the broker and to the edge, lead through wires that misbehave. */
export async function networkFaults(
  system: System,
  { prefix, messages, devices, rounds }: NetworkFaults,
): Promise<TwinCount> {
  const { broker, bridge } = system.mqtt ?? {}
  if (bridge === undefined || broker === undefined) throw new Error('the system has no own broker')
  const fleet = await Fleet.start(system, { prefix, devices, messages, trusts: 'puback' })
  await bridge.stop()
  const toBroker = await startFaultProxy(Number(new URL(broker.bridgeUrl).port))
  const toEdge = await startFaultProxy(system.port)
  const logFile = join(system.dataDir, `bridge-${prefix}.log`)
  writeFileSync(logFile, '')
  const between = await startBridgeProcess({
    dataDir: system.dataDir,
    gatewayUrl: toEdge.url,
    broker: { ...broker, bridgeUrl: `mqtt://127.0.0.1:${toBroker.port}` },
    secrets: system.secrets,
    metricsPort: await freePort(),
    logFile,
    logs: () => readLog(logFile),
  })
  try {
    const plays = Array.from({ length: rounds }, () =>
      faults.flatMap((mode) => [toEdge, toBroker].map((wire) => ({ mode, wire }))),
    ).flat()
    for (const [index, { mode, wire }] of plays.entries()) {
      fleet.allow((index + 1) / plays.length)
      await fleet.whenPublished(Math.floor((fleet.messages * (index + 0.3)) / plays.length))
      await play(wire, mode)
    }
    await fleet.whenForgotten()
    await whenReady(between)
    return await fleet.count()
  } finally {
    await fleet.stop()
    await between.stop()
    await toBroker.close()
    await toEdge.close()
    await whenReady(bridge)
  }
}

async function play(wire: FaultProxy, mode: (typeof faults)[number]): Promise<void> {
  wire.mode = mode
  await pause(mode === 'blackhole' ? BLACK_HOLE_MS : FAULT_MS)
  // Bytes that were swallowed are gone: what goes on afterwards must be another connection.
  if (mode === 'blackhole') wire.reset()
  wire.mode = 'ok'
  await pause(PAUSE_MS)
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
