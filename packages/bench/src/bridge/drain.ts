import { waitFor } from '@menagerie/testing'
import type { startBridgeProcess } from '@menagerie/testing/local'
import type { MqttClient } from 'mqtt'

type Bridge = Awaited<ReturnType<typeof startBridgeProcess>>

export interface Backlog {
  names: readonly string[]
  /** Messages of each device. */
  each: number
  /** Names the numbering, another one for each backlog. */
  epoch: number
}

/** Not so many that the broker, which reads on while it writes, makes the client wait. */
const UNDER_WAY = 2_000

export const payload = (epoch: number, seq: number): string =>
  JSON.stringify({ epoch, seq, values: { temperature: 20 + (seq % 10), humidity: 50 } })

/** Lets the broker queue everything while the bridge is down: every device in turn, as a fleet speaks. */
export async function fillQueue(
  client: MqttClient,
  bridge: Bridge,
  { names, each, epoch }: Backlog,
): Promise<void> {
  await bridge.stop()
  let sent: Promise<unknown>[] = []
  for (let seq = 1; seq <= each; seq++)
    for (const id of names) {
      const topic = `v1/devices/${id}/telemetry/climate`
      sent.push(client.publishAsync(topic, payload(epoch, seq), { qos: 1 }))
      if (sent.length < UNDER_WAY) continue
      await Promise.all(sent)
      sent = []
    }
  await Promise.all(sent)
}

/**
 * Starts the bridge on a backlog.
 *
 * @returns messages a second from the first acknowledgement a device sees to the last, without those before the first
 */
export async function drain(
  client: MqttClient,
  bridge: Bridge,
  { names, each, epoch }: Backlog,
): Promise<number> {
  const all = names.length * each
  const acked = new Map<string, number>()
  let total = 0
  let first: { at: number; count: number } | undefined
  const onMessage = (topic: string, body: Buffer) => {
    const ack = JSON.parse(body.toString()) as { epoch: number; ackedThrough: number }
    if (ack.epoch !== epoch) return
    total += ack.ackedThrough - (acked.get(topic) ?? 0)
    acked.set(topic, ack.ackedThrough)
    first ??= { at: performance.now(), count: total }
  }
  client.on('message', onMessage)
  await client.subscribeAsync('v1/devices/+/acks', { qos: 1 })
  await bridge.start({ wait: false })
  await waitFor(() => total >= all, {
    what: `${all} messages to be acknowledged`,
    timeoutMs: 300_000,
    intervalMs: 5,
  })
  const last = performance.now()
  client.off('message', onMessage)
  await client.unsubscribeAsync('v1/devices/+/acks')
  if (first === undefined) throw new Error('nothing was acknowledged')
  return ((all - first.count) / (last - first.at)) * 1000
}
