import { describe, expect, it } from 'vitest'
import { TroubledDevices } from '../src/troubled-devices.ts'

/** Fails so often, evenly over a time that ends at `to`. */
function fail(devices: TroubledDevices, device: string, times: number, from: number, to: number) {
  for (let count = 0; count < times; count++)
    devices.failed(device, from + ((to - from) * count) / Math.max(1, times - 1))
}

describe('messages of a device whose twin fails may be held', () => {
  it('after five failures over ten seconds, where others were stored in the same time', () => {
    const devices = new TroubledDevices()
    fail(devices, 'sick', 4, 0, 9_000)
    devices.stored('a', 5_000)
    expect(devices.mayBeHeld('sick', 20_000)).toBe(false)
    devices.failed('sick', 9_500)
    expect(devices.mayBeHeld('sick', 9_999)).toBe(false)
    expect(devices.mayBeHeld('sick', 10_000)).toBe(true)
    expect(devices.mayBeHeld('a', 10_000)).toBe(false)
  })

  it('from then on until its twin takes something, whatever becomes of the others', () => {
    const devices = new TroubledDevices()
    fail(devices, 'sick', 5, 0, 10_000)
    devices.stored('a', 1)
    expect(devices.mayBeHeld('sick', 10_000)).toBe(true)
    devices.held('sick')
    devices.allFailed()
    fail(devices, 'a', 9, 10_000, 30_000)
    expect([devices.mayBeHeld('sick', 10_001), devices.mayBeHeld('a', 30_000)]).toEqual([
      true,
      false,
    ])
    expect(devices.stored('sick', 30_001)).toBe(true)
    expect(devices.mayBeHeld('sick', 30_002)).toBe(false)
  })

  it('never where nobody else was stored since it began, or where as many fail as are stored', () => {
    const alone = new TroubledDevices()
    alone.stored('a', 0)
    fail(alone, 'sick', 50, 1, 60_000)
    expect([alone.mayBeHeld('sick', 60_000), alone.isWidespread]).toEqual([false, true])
    const outage = new TroubledDevices()
    fail(outage, 'first', 5, 0, 10_000)
    // The last that got through before the disk was full.
    outage.stored('a', 1)
    outage.stored('b', 1)
    for (const device of ['a', 'c', 'd']) fail(outage, device, 20, 10, 20_000)
    for (const device of ['first', 'a', 'c', 'd'])
      expect(outage.mayBeHeld(device, 20_000)).toBe(false)
    expect(outage.isWidespread).toBe(true)
  })

  it('never for what failed before the edge itself was away', () => {
    const devices = new TroubledDevices()
    fail(devices, 'sick', 5, 0, 10_000)
    devices.stored('a', 1)
    devices.allFailed()
    expect(devices.mayBeHeld('sick', 10_001)).toBe(false)
    expect(devices.size).toBe(0)
  })

  it('of two devices at once, where more are well', () => {
    const devices = new TroubledDevices()
    for (const device of ['one', 'two']) fail(devices, device, 5, 0, 10_000)
    devices.stored('a', 5_000)
    expect(devices.mayBeHeld('one', 10_000)).toBe(false)
    devices.stored('b', 6_000)
    for (const device of ['one', 'two']) expect(devices.mayBeHeld(device, 10_000)).toBe(true)
  })
})

it('tells which device blocks the others longest, until its messages are held', () => {
  const devices = new TroubledDevices()
  devices.failed('late', 7)
  devices.failed('early', 3)
  devices.failed('early', 9)
  expect(devices.blocking()).toEqual({ device: 'early', since: 3 })
  devices.held('early')
  expect(devices.blocking()).toEqual({ device: 'late', since: 7 })
  devices.over('late')
  expect(devices.blocking()).toBeUndefined()
})
