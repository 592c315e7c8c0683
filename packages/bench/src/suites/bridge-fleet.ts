import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import type { startBridgeProcess, startBroker } from '@menagerie/testing/local'
import { connectAsAnyDevice } from '../bridge/any-device.ts'
import { drain, fillQueue, payload } from '../bridge/drain.ts'
import { peakMemory } from '../bridge/memory.ts'
import { median } from '../load.ts'
import type { Finding } from '../report.ts'

const DEVICES = 1_000
const EACH = 20
const ROUNDS = 3
const BATCH = 100
/** Batches that the bare pipeline is given at a time: as many as the bridge has under way. */
const BARE_PARALLEL = 2
const BACKLOG_EACH = 100
const MOST_MEMORY = 150e6
/** Requests of a registration at a time. */
const REGISTERING = 16

const names = Array.from({ length: DEVICES }, (_, i) => `fleet-${i + 1}`)

/**
 * The same way for a thousand devices that speak in turn: each batch of the bridge then has a hundred twins, and the bare
 * pipeline is handed batches of a hundred objects. And what the bridge holds in memory with 100,000 messages before it.
 */
export async function bridgeFleet(
  session: Session,
  broker: Awaited<ReturnType<typeof startBroker>>,
  bridge: Awaited<ReturnType<typeof startBridgeProcess>>,
  bareUrl: string,
): Promise<Finding[]> {
  await register(session)
  const client = await connectAsAnyDevice(broker)
  const rates = { ours: [] as number[], bare: [] as number[] }
  for (let epoch = 1; epoch <= ROUNDS + 1; epoch++) {
    rates.bare.push(await bareRate(bareUrl, epoch))
    const backlog = { names, each: EACH, epoch }
    await fillQueue(client, bridge, backlog)
    rates.ours.push(await drain(client, bridge, backlog))
  }
  // The first round warms both up.
  for (const list of Object.values(rates)) list.shift()
  const ratio = median(rates.ours.map((rate, i) => rate / (rates.bare[i] ?? Number.NaN)))

  const backlog = { names, each: BACKLOG_EACH, epoch: ROUNDS + 2 }
  await fillQueue(client, bridge, backlog)
  await drain(client, bridge, backlog)
  const memory = peakMemory(bridge.pid)
  await client.endAsync()
  return [
    {
      what: 'the same from 1,000 devices in turn : bare with as many objects',
      measured: `${ratio.toFixed(2)} (${median(rates.ours).toFixed(0)}/s : ${median(rates.bare).toFixed(0)}/s)`,
      goal: '≥ 0.60',
      met: ratio >= 0.6,
    },
    {
      what: 'memory of the bridge at a backlog of 100,000',
      measured: `${(memory / 1e6).toFixed(0)} MB at most`,
      goal: '< 150 MB',
      met: memory < MOST_MEMORY,
    },
  ]
}

async function register({ client }: Session): Promise<void> {
  const waiting = [...names]
  const lane = async () => {
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop())
      await client.call(devices.create, { body: { id } })
  }
  await Promise.all(Array.from({ length: REGISTERING }, lane))
}

async function bareRate(url: string, epoch: number): Promise<number> {
  const bodies: string[] = []
  for (let seq = 1; seq <= EACH; seq++)
    for (let from = 0; from < DEVICES; from += BATCH)
      bodies.push(
        JSON.stringify({
          messages: names.slice(from, from + BATCH).map((id) => ({
            topic: `v1/devices/${id}/telemetry/climate`,
            payload: payload(epoch, seq),
          })),
        }),
      )
  const began = performance.now()
  const lane = async () => {
    for (let body = bodies.shift(); body !== undefined; body = bodies.shift()) {
      const response = await fetch(url, { method: 'POST', body })
      if (!response.ok) throw new Error(`the bare pipeline answered ${response.status}`)
      await response.arrayBuffer()
    }
  }
  await Promise.all(Array.from({ length: BARE_PARALLEL }, lane))
  return ((DEVICES * EACH) / (performance.now() - began)) * 1000
}
