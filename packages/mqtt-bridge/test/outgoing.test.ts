import type { Downlink } from '@menagerie/contracts'
import { beforeEach, describe, expect, it } from 'vitest'
import { PublishRefused } from '../src/broker/broker-client.ts'
import { Outgoing } from '../src/downlink/outgoing.ts'
import { quiet } from './quiet.ts'
import { settle } from './wait-until.ts'

const message = (id: string): Downlink => ({
  id,
  topic: `v1/devices/${id}/twin/delta`,
  payload: {},
  qos: 1,
  retain: false,
})

it('that goes with QoS 0 is written once, though the connection is lost in that moment', async () => {
  const tried: string[] = []
  const confirmed: string[] = []
  const outgoing = new Outgoing({
    isUp: () => true,
    publish: async (topic) => {
      tried.push(topic)
      throw new Error('the connection was lost')
    },
    confirm: (id) => confirmed.push(id),
    ...quiet(),
  })
  outgoing.take([{ ...message('a'), qos: 0 }, message('b')])
  await settle()
  outgoing.resume()
  await settle()
  expect(tried.map((topic) => topic.split('/')[2])).toEqual(['a', 'b', 'b'])
  expect(confirmed).toEqual(['a'])
})

describe('a message that the broker refuses', () => {
  let refuses: (topic: string) => boolean
  let tried: string[]
  let confirmed: string[]
  let outgoing: Outgoing
  /** As the edge does with each new socket: all that is not confirmed. */
  const newSocket = async () => {
    outgoing.begin()
    outgoing.take(['a', 'b'].filter((id) => !confirmed.includes(id)).map(message))
    await settle()
  }

  beforeEach(() => {
    refuses = (topic) => topic.includes('/a/')
    tried = []
    confirmed = []
    outgoing = new Outgoing({
      isUp: () => true,
      publish: async (topic) => {
        tried.push(topic.split('/')[2] ?? '')
        if (refuses(topic)) throw new PublishRefused('not authorized')
      },
      confirm: (id) => confirmed.push(id),
      ...quiet(),
    })
  })

  it('holds back nothing else, and is tried once more with each new socket', async () => {
    await newSocket()
    expect([tried, confirmed]).toEqual([['a', 'b'], ['b']])
    refuses = () => false
    await newSocket()
    expect([tried, confirmed]).toEqual([
      ['a', 'b', 'a'],
      ['b', 'a'],
    ])
  })

  it('is given up after three sockets: a thousand like it would hold back what waits behind them', async () => {
    for (let socket = 1; socket <= 3; socket++) await newSocket()
    expect(tried).toEqual(['a', 'b', 'a', 'a'])
    expect(confirmed).toEqual(['b', 'a'])
  })
})

it('lets nothing overtake a message on its topic that the broker has refused', async () => {
  let refuses = true
  const tried: string[] = []
  const confirmed: string[] = []
  const outgoing = new Outgoing({
    isUp: () => true,
    publish: async (_, payload) => {
      tried.push(JSON.parse(payload).id)
      if (refuses) throw new PublishRefused('not authorized')
    },
    confirm: (id) => confirmed.push(id),
    ...quiet(),
  })
  const one = (id: string): Downlink => ({ ...message('d'), id, payload: { id } })
  const newSocket = async (...ids: string[]) => {
    outgoing.begin()
    outgoing.take(ids.filter((id) => !confirmed.includes(id)).map(one))
    await settle()
  }
  await newSocket('1')
  refuses = false
  // The right was given in that moment; the edge knows that 1 is not confirmed.
  outgoing.take([one('2')])
  await settle()
  expect([tried, confirmed]).toEqual([['1'], []])
  await newSocket('1', '2')
  expect([tried, confirmed]).toEqual([
    ['1', '1', '2'],
    ['1', '2'],
  ])
  refuses = true
  for (let socket = 1; socket <= 3; socket++) await newSocket('3', '4')
  expect(confirmed).toEqual(['1', '2', '3', '4'])
})
