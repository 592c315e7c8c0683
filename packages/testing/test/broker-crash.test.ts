import type { MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { waitFor } from '../src/wait-for.ts'
import { BrokerSystem, brokerKinds } from './broker-support.ts'

const missing = brokerKinds.includes('mosquitto') ? '' : ' (no mosquitto here: not tried)'
const DEVICES = ['a', 'b', 'c', 'd']
const EACH = 500

let system: BrokerSystem | undefined
afterEach(async () => {
  await system?.stop()
  system = undefined
})

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1)
const message = (seq: number) => JSON.stringify({ seq, values: { temperature: 20 } })

async function publishAll(client: MqttClient, device: string): Promise<void> {
  for (let from = 1; from <= EACH; from += 25) {
    await Promise.all(
      numbers(25).map((offset) =>
        client.publishAsync(`v1/devices/${device}/telemetry/t`, message(from + offset - 1), {
          qos: 1,
        }),
      ),
    )
  }
}

describe.each(brokerKinds)(
  `between %s and the edge nothing is lost${missing}`,
  { timeout: 60_000 },
  (kind) => {
    it('when the bridge is killed with -9 five times during 2,000 messages', async () => {
      const running = await BrokerSystem.start(kind)
      system = running
      const { edge } = running
      // So that each kill meets batches under way.
      edge.mode = { type: 'ok', delayMs: 20 }
      const clients = await Promise.all(
        DEVICES.map(async (device) => {
          await running.provision(device)
          return running.connect(device)
        }),
      )
      const published = Promise.all(
        DEVICES.map((device, index) => publishAll(clients[index] as MqttClient, device)),
      )
      const stored = () => DEVICES.reduce((sum, device) => sum + edge.numbersOf(device).length, 0)
      for (let kill = 1; kill <= 5; kill++) {
        const enough = Math.min(kill * 250, 1_800)
        await waitFor(() => stored() >= enough, {
          what: `${enough} stored`,
          intervalMs: 1,
          timeoutMs: 20_000,
        })
        await running.bridge?.kill()
        running.startBridge()
      }
      await published
      await waitFor(() => stored() === DEVICES.length * EACH, {
        what: 'all to be stored',
        timeoutMs: 20_000,
      })
      for (const device of DEVICES) {
        expect([...edge.numbersOf(device)].sort((a, b) => a - b)).toEqual(numbers(EACH))
      }
    })

    it('when the edge stays away, and the bridge holds no more than its limit', async () => {
      const running = await BrokerSystem.start(kind)
      system = running
      const { edge } = running
      const clients = await Promise.all(
        DEVICES.map(async (device) => {
          await running.provision(device)
          return running.connect(device)
        }),
      )
      edge.mode = { type: 'status', status: 503 }
      await Promise.all(
        DEVICES.map((device, index) => publishAll(clients[index] as MqttClient, device)),
      )
      expect(await running.memory()).toBeLessThan(200e6)
      edge.mode = { type: 'ok' }
      const stored = () => DEVICES.reduce((sum, device) => sum + edge.numbersOf(device).length, 0)
      await waitFor(() => stored() === DEVICES.length * EACH, {
        what: 'all to be stored',
        timeoutMs: 20_000,
      })
      await running.ready()
      expect(await running.memory()).toBeLessThan(200e6)
    })

    it('when the bridge is stopped with SIGTERM and another follows', async () => {
      const running = await BrokerSystem.start(kind)
      system = running
      await running.provision('a')
      const client = await running.connect('a')
      running.edge.mode = { type: 'ok', delayMs: 20 }
      const published = publishAll(client, 'a')
      await waitFor(() => running.edge.numbersOf('a').length > 100, {
        what: 'some stored',
        intervalMs: 1,
      })
      const began = performance.now()
      await running.bridge?.stop()
      expect(performance.now() - began).toBeLessThan(5_000)
      running.startBridge()
      await published
      await waitFor(() => running.edge.numbersOf('a').length === EACH, { what: 'all stored' })
      // A drain leaves nothing stored and unacknowledged behind, so that nothing comes twice.
      expect(running.edge.duplicates).toBe(0)
    })
  },
)

describe.runIf(brokerKinds.includes('mosquitto'))(
  'mosquitto killed with -9',
  { timeout: 60_000 },
  () => {
    it('loses nothing of a device that sends again what is not acknowledged end to end', async () => {
      const running = await BrokerSystem.start('mosquitto')
      system = running
      const { edge, broker } = running
      await running.provision('a')
      const acked = { through: 0 }
      let client: MqttClient | undefined
      const connect = async () => {
        client?.end(true)
        client = await running.connect('a')
        client.on('message', (_topic, payload) => {
          acked.through = Math.max(acked.through, JSON.parse(String(payload)).ackedThrough)
        })
        await client.subscribeAsync('v1/devices/a/acks', { qos: 1 })
      }
      const resend = async (through: number) => {
        const open = numbers(through).slice(acked.through)
        await Promise.all(
          open.map((seq) =>
            client
              ?.publishAsync('v1/devices/a/telemetry/t', message(seq), { qos: 1 })
              .catch(() => {}),
          ),
        )
      }
      await connect()
      for (let kill = 1; kill <= 3; kill++) {
        // The bridge cannot store: what is published stays in the broker, which dies with it.
        edge.mode = { type: 'status', status: 503 }
        await resend(kill * 200)
        await broker.kill()
        await broker.start()
        edge.mode = { type: 'ok' }
        await connect()
      }
      await waitFor(
        async () => {
          await resend(600)
          return acked.through === 600
        },
        { what: 'all to be acknowledged end to end', timeoutMs: 30_000, intervalMs: 500 },
      )
      expect([...edge.numbersOf('a')].sort((a, b) => a - b)).toEqual(numbers(600))
    })
  },
)
