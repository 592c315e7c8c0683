import { describe, expect, it } from 'vitest'
import type { RunningBridge } from '../src/index.ts'
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

describe('a second bridge with the same settings', () => {
  let second: RunningBridge
  const another = async () => {
    second = await start()
  }
  const health = async (running: RunningBridge | undefined) => {
    const answer = await fetch(`${running?.metricsUrl}/health/ready`)
    return [
      answer.status,
      ((await answer.json()) as { details: { broker: string } }).details.broker,
    ]
  }

  it('stands by away from the broker, ready, and takes over within a second when the first is gone', async () => {
    await start()
    await waitUntil('the first is ready', isReady)
    await another()
    await waitUntil('the second stands by', () => edge.standby.length === 1)
    await settle()
    expect([broker.connects, await health(bridge), await health(second)]).toEqual([
      1,
      [200, 'up'],
      [200, 'standing by'],
    ])
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('the first has stored them', () => broker.kept === 0)
    await bridge?.stop()
    const goneAt = performance.now()
    broker.deliver(topicOf('a'), numbered(11, 20))
    await waitUntil('the second has stored the others', () => broker.kept === 0)
    expect(performance.now() - goneAt).toBeLessThan(1_000)
    expect(edge.numbersOf('a')).toEqual(upTo(20))
    expect(await health(second)).toEqual([200, 'up'])
  })

  it('tells that the session is lost which the first had, as the first itself would have', async () => {
    await start()
    await waitUntil('the first is ready', isReady)
    await another()
    await waitUntil('the second stands by', () => edge.standby.length === 1)
    broker.forget()
    await bridge?.stop()
    await waitUntil('it is told', () => logged('the broker has forgotten the session'))
    const page = await (await fetch(`${second.metricsUrl}/metrics`)).text()
    expect(page).toMatch(/^mqtt_bridge_session_lost_total 1$/m)
  })

  it('sends the first away when the edge has lost sight of it, and that one stays away', async () => {
    await start()
    await waitUntil('the first is ready', isReady)
    await another()
    await waitUntil('the second stands by', () => edge.standby.length === 1)
    edge.socket?.close(4409)
    await waitUntil('the second is at the broker', () => broker.connects >= 2)
    await waitUntil('the first stands by', async () => (await health(bridge))[1] === 'standing by')
    const { connects } = broker
    await settle()
    expect(broker.connects).toBe(connects)
    broker.deliver(topicOf('a'), numbered(1, 10))
    await waitUntil('they are stored', () => broker.kept === 0)
    expect(await health(second)).toEqual([200, 'up'])
  })
})

it('takes its own place at the edge at once when its socket was cut', async () => {
  await start()
  await waitUntil('the bridge is ready', isReady)
  edge.socket?.terminate()
  await waitUntil('it has the link again', () => edge.generation === 2)
  await waitUntil('the bridge is ready', isReady)
  expect(broker.connects).toBe(1)
})
