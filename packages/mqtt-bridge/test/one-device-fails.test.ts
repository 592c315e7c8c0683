import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import {
  aBridgeForEachTest,
  bridge,
  broker,
  edge,
  isReady,
  logged,
  numbered,
  start,
  topicOf,
  upTo,
} from './bridge-rig.ts'
import { settle, waitUntil } from './wait-until.ts'

aBridgeForEachTest()

const series = async (name: string) => {
  const page = await (await fetch(`${bridge?.metricsUrl}/metrics`)).text()
  return Number(
    page
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1],
  )
}
const heldNumbers = () => edge.held.map(({ payload = '' }) => JSON.parse(payload).seq)

beforeEach(() => {
  // The clock on the wall alone: sockets and timers go on as ever.
  vi.useFakeTimers({ toFake: ['Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})
const later = (ms: number) => vi.setSystemTime(Date.now() + ms)

it('stores the messages of all others while the twin of one device fails, and acknowledges none out of order', async () => {
  edge.failing.add('sick')
  broker.deliver(topicOf('a'), numbered(1, 5))
  broker.deliver(topicOf('sick'), numbered(1, 5))
  broker.deliver(topicOf('a'), numbered(6, 10))
  broker.deliver(topicOf('b'), numbered(1, 5))
  await start()
  await waitUntil('the others are stored', () => edge.numbersOf('b').length === 5)
  await waitUntil('it is tried again', () => edge.batches.length > 3)
  expect(edge.numbersOf('a')).toEqual(upTo(10))
  expect(edge.duplicates).toBe(0)
  await settle()
  expect(broker.acknowledged).toEqual(upTo(5))
  expect(logged('twin takes no messages')).toBe(true)
  expect(await series('mqtt_bridge_devices_in_trouble')).toBe(1)
  edge.failing.clear()
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(broker.acknowledged).toEqual(upTo(20))
  expect(edge.numbersOf('sick')).toEqual(upTo(5))
  expect(await series('mqtt_bridge_devices_in_trouble')).toBe(0)
})

it('has the edge hold what its twin does not take for ten seconds, in order, and goes on with all', async () => {
  edge.failing.add('sick')
  broker.deliver(topicOf('sick'), numbered(1, 250))
  broker.deliver(topicOf('a'), numbered(1, 30))
  await start()
  await waitUntil('the others are stored', () => edge.numbersOf('a').length === 30)
  await waitUntil('it has failed often', () => edge.batches.length > 7)
  expect(heldNumbers()).toEqual([])
  later(11_000)
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(heldNumbers()).toEqual(upTo(250))
  expect(logged('the edge is to hold them')).toBe(true)
  // What comes now waits no more, nor does anybody wait for it.
  broker.deliver(topicOf('sick'), numbered(251, 260))
  broker.deliver(topicOf('a'), numbered(31, 40))
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(heldNumbers()).toEqual(upTo(260))
  expect(await isReady()).toBe(true)
  edge.failing.clear()
  broker.deliver(topicOf('sick'), numbered(261, 262))
  await waitUntil('its twin is well', () => logged('twin takes messages again'))
  expect(await series('mqtt_bridge_devices_in_trouble')).toBe(0)
})

it('holds nothing where no device is stored, and is not ready', async () => {
  for (const device of ['a', 'b', 'c']) {
    edge.failing.add(device)
    broker.deliver(topicOf(device), numbered(1, 10))
  }
  await start()
  await waitUntil('they have failed often', () => edge.batches.length > 12)
  later(12_000)
  const { length } = edge.batches
  await waitUntil('they have failed again', () => edge.batches.length > length + 3)
  expect(await isReady()).toBe(false)
  expect([edge.held, broker.acknowledged]).toEqual([[], []])
  edge.failing.clear()
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  for (const device of ['a', 'b', 'c']) expect(edge.numbersOf(device)).toEqual(upTo(10))
})

it('says whom all wait for where the edge has no room to hold more, and stays with the broker', async () => {
  edge.holds = false
  edge.failing.add('sick')
  broker.deliver(topicOf('a'), numbered(1, 5))
  broker.deliver(topicOf('sick'), numbered(1, 5))
  broker.deliver(topicOf('b'), numbered(1, 5))
  await start()
  await waitUntil('the others are stored', () => edge.numbersOf('b').length === 5)
  await waitUntil('it is told', () => logged('twin takes no messages'))
  later(60_000)
  const { length } = edge.batches
  await waitUntil('it has failed again', () => edge.batches.length > length + 1)
  const ready = await fetch(`${bridge?.metricsUrl}/health/ready`)
  expect(await ready.json()).toMatchObject({
    details: { broker: 'up', edge: 'held up by the twin of one device' },
  })
  expect(broker.connects).toBe(1)
  edge.holds = true
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(heldNumbers()).toEqual(upTo(5))
})

it('takes an edge that does not know the word for what it is, and no message for poison', async () => {
  edge.knowsHold = false
  edge.failing.add('sick')
  for (const device of ['a', 'sick', 'b']) broker.deliver(topicOf(device), numbered(1, 5))
  await start()
  await waitUntil('it has failed often', () => edge.batches.length > 6)
  later(11_000)
  await waitUntil('it has asked in vain', () => logged('the edge is to hold them'))
  await waitUntil('it goes on', () => edge.batches.length > 9)
  expect(await series('mqtt_bridge_poison_total')).toBe(0)
  edge.failing.clear()
  await waitUntil('all are acknowledged', () => broker.kept === 0)
  expect(edge.numbersOf('sick')).toEqual(upTo(5))
})
