import { openSocket, type Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { waitFor } from '@menagerie/testing'
import type { startBroker } from '@menagerie/testing/local'
import mqtt from 'mqtt'

const PER_SECOND = 500
const SECONDS = 10

/**
 * From a device's publish to the frame that its twin sends once the sample is stored, as a client on its socket sees
 * it; `PER_SECOND` messages a second over all devices, evenly spread.
 */
export async function publishToTwin(
  session: Session,
  broker: Awaited<ReturnType<typeof startBroker>>,
  passwords: ReadonlyMap<string, string>,
): Promise<{ p50: number; p95: number; p99: number }> {
  const delays: number[] = []
  const sentAt = new Map<string, number>()
  const names = [...passwords.keys()]
  const sockets = names.map((id) =>
    openSocket({
      connect: async () => (await session.client.call(devices.ticket, { params: { id } })).data,
      onEvent: () => {},
      onFrame: (frame) => {
        if (frame.type !== 'device.telemetry') return
        const now = performance.now()
        const { samples } = frame.data as { samples: { values: { n: number } }[] }
        for (const { values } of samples) {
          const key = `${id} ${values.n}`
          const at = sentAt.get(key)
          if (at !== undefined) delays.push(now - at)
          sentAt.delete(key)
        }
      },
    }),
  )
  await waitFor(() => sockets.every((socket) => socket.status.name === 'live'), {
    what: 'the sockets of the devices',
  })
  const clients = await Promise.all(
    names.map((id) =>
      mqtt.connectAsync(broker.url, {
        protocolVersion: broker.protocolVersion,
        clientId: id,
        username: id,
        password: passwords.get(id) ?? '',
      }),
    ),
  )
  const total = PER_SECOND * SECONDS
  const began = performance.now()
  let sent = 0
  await new Promise<void>((resolve) => {
    const pace = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) / 1000) * PER_SECOND))
      for (; sent < due; sent++) {
        const index = sent % names.length
        const id = names[index] ?? ''
        sentAt.set(`${id} ${sent}`, performance.now())
        clients[index]?.publish(
          `v1/devices/${id}/telemetry/latency`,
          JSON.stringify({ values: { n: sent } }),
          { qos: 1 },
        )
      }
      if (sent < total) return
      clearInterval(pace)
      resolve()
    }, 1)
  })
  await waitFor(() => delays.length >= total, {
    what: 'every sample to be seen',
    timeoutMs: 30_000,
  })
  for (const socket of sockets) socket.close()
  await Promise.all(clients.map((client) => client.endAsync()))
  // The first second warms everything up.
  const sorted = delays.slice(PER_SECOND).sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) }
}
