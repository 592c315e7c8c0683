import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMosquitto } from '../src/broker/index.ts'
import { waitFor } from '../src/wait-for.ts'
import { BridgeWorld, publish } from './bridge-world.ts'

let world: BridgeWorld
beforeEach(async () => {
  world = await BridgeWorld.open()
})
afterEach(() => world.close())

/** As `mosquitto.conf` has it; the local broker has a gate instead. */
const forced = { use_username_as_clientid: 'true' }

describe.runIf(findMosquitto() !== undefined)(
  'a mosquitto that gives a user one connection',
  { timeout: 60_000 },
  () => {
    it('has one of the bridge for devices that speak and one for what they hear', async () => {
      const at = await world.broker('mosquitto', forced)
      const bridge = await world.bridge(at)
      await bridge.until('up')
      const device = await world.device('a', at)
      const acks: number[] = []
      device.on('message', (_topic, body) => acks.push(JSON.parse(String(body)).ackedThrough))
      await device.subscribeAsync('v1/devices/a/acks', { qos: 1 })
      for (let seq = 1; seq <= 20; seq++) await publish(device, seq)
      await waitFor(() => acks.at(-1) === 20, { what: 'the device to hear that all are stored' })
      expect(bridge.log()).not.toContain('has ended')
    })

    it('has no administrator of a bridge that stands by, which would end that of the other one', async () => {
      const at = await world.broker('mosquitto', forced)
      const first = await world.bridge(at)
      await first.until('up')
      const second = await world.bridge(at)
      await second.until('standing by')
      for (let n = 0; n < 20; n++) await world.tell(`d${n}`, `d${n}`, 'password')
      for (const { log } of [first, second].map((one) => ({ log: one.log() })))
        expect(log).not.toMatch(/has ended|cannot be reached|refuses/)
      await first.running.kill()
      await second.until('up')
      await world.tell('after', 'after', 'password')
      expect(second.log()).not.toMatch(/has ended|cannot be reached|refuses/)
    })
  },
)
