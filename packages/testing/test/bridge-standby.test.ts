import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findMosquitto } from '../src/broker/index.ts'
import { BridgeWorld, publish } from './bridge-world.ts'

let world: BridgeWorld
beforeEach(async () => {
  world = await BridgeWorld.open()
})
afterEach(() => world.close())

describe.runIf(findMosquitto() !== undefined)('a bridge at mosquitto', { timeout: 60_000 }, () => {
  it('is followed by the one that stands by, at most a second after it was killed with -9', async () => {
    const at = await world.broker('mosquitto')
    const first = await world.bridge(at)
    await first.until('up')
    const device = await world.device('a', at)
    const second = await world.bridge(at)
    await second.until('standing by')
    await publish(device, 1)
    await world.stored(1)
    await first.running.kill()
    const killedAt = performance.now()
    await publish(device, 2)
    await world.stored(2)
    expect(performance.now() - killedAt).toBeLessThan(1_000)
    expect([await second.atBroker(), await second.series('mqtt_bridge_active')]).toEqual(['up', 1])
    // What comes back stands by.
    const third = await world.bridge(at)
    await third.until('standing by')
  })

  it('that lost the link to another stays away from the broker, and takes nothing from it', async () => {
    const at = await world.broker('mosquitto')
    const first = await world.bridge(at)
    await first.until('up')
    const device = await world.device('a', at)
    const second = await world.bridge(at)
    await second.until('standing by')
    for (let seq = 1; seq <= 200; seq++) void publish(device, seq)
    world.edge.socket?.close(4409)
    await first.until('standing by')
    await second.until('up')
    for (let seq = 201; seq <= 300; seq++) await publish(device, seq)
    await world.stored(300)
    expect([await first.atBroker(), await second.atBroker()]).toEqual(['standing by', 'up'])
  })

  it.each([
    ['while the broker stands', false],
    ['while the broker is killed and comes back', true],
  ])(
    'that was stopped and wakes up takes nothing from the one that has the link: %s',
    async (_, killsBroker) => {
      const at = await world.broker('mosquitto')
      const first = await world.bridge(at, { MQTT_KEEPALIVE_SECONDS: '2' })
      await first.until('up')
      const device = await world.device('a', at)
      const second = await world.bridge(at, { MQTT_KEEPALIVE_SECONDS: '2' })
      await second.until('standing by')
      await publish(device, 1)
      await world.stored(1)
      const { pid = 0 } = first.running
      process.kill(-pid, 'SIGSTOP')
      try {
        // As the edge does with one that was silent for 15 s; the stopped one hears of it when it wakes up.
        world.edge.socket?.terminate()
        await second.until('up')
        if (killsBroker) {
          await at.kill()
          await at.start()
          await second.until('up')
        }
      } finally {
        process.kill(-pid, 'SIGCONT')
      }
      await first.until('standing by')
      const again = await world.device('a', at)
      for (let seq = 2; seq <= 50; seq++) await publish(again, seq)
      await world.stored(50)
      expect(await second.atBroker()).toBe('up')
      const ends = second.log().split('the connection to the broker has ended').length - 1
      expect(ends).toBe(killsBroker ? 1 : 0)
      // Nothing passed it after it had lost the link.
      expect(await first.series('mqtt_messages_total\\{direction="up",qos="1"\\}')).toBe(1)
    },
  )
})
