import { eventExamples } from '@menagerie/contracts'
import { makeEvent, newId } from '@menagerie/core'
import { beforeEach, describe, expect, test } from 'vitest'
import { deliver, emptyHistory, testEnv } from './support/api.ts'
import { eventsOf } from './support/call-events.ts'

beforeEach(emptyHistory)

const aCall = (callId = newId()) =>
  eventsOf(
    {
      direction: 'outbound',
      queueId: null,
      agentId: null,
      createdAt: Date.UTC(2026, 10, 21, 10),
      answeredAfter: 2,
      holds: false,
      endedAfter: 30,
    },
    callId,
  )
const messagesOf = (bodies: readonly unknown[]) =>
  bodies.map((body, index) => ({ id: `m${index}`, body }))
const counted = () =>
  testEnv.DB.prepare(
    'SELECT sum(calls) AS calls, sum(talk_seconds) AS talkSeconds FROM call_rollups',
  ).first()

describe('the queue history', () => {
  test('counts a call once, its messages doubled and the last one first', async () => {
    const events = aCall().reverse()
    const first = await deliver(messagesOf([...events, ...events]))
    expect(first.retried).toEqual([])
    expect(first.acked).toHaveLength(events.length * 2)
    await deliver(messagesOf(events))
    expect(await counted()).toEqual({ calls: 1, talkSeconds: 30 })
  })

  test.each([null, 'text', 7, [], {}, { ...aCall()[0], data: {} }, { ...aCall()[0], id: 'x' }])(
    'asks again for what is no event (%#), so that it becomes a dead letter; the others are stored',
    async (poison) => {
      const [created, ...rest] = aCall()
      const { acked, retried } = await deliver(messagesOf([created, poison, ...rest]))
      expect(retried).toEqual(['m1'])
      expect(acked).toHaveLength(rest.length + 1)
      expect(await counted()).toEqual({ calls: 1, talkSeconds: 30 })
    },
  )

  test('stores the others when the database refuses what one message says', async () => {
    const bad = newId()
    await testEnv.DB.exec(
      `CREATE TRIGGER refusing BEFORE INSERT ON call_facts WHEN NEW.id = '${bad}' BEGIN SELECT RAISE(ABORT, 'no'); END`,
    )
    try {
      const good = aCall()
      const messages = messagesOf([good[0], aCall(bad)[0], ...good.slice(1)])
      const { retried } = await deliver(messages)
      expect(retried).toEqual(['m1'])
      expect(await counted()).toEqual({ calls: 1, talkSeconds: 30 })
    } finally {
      await testEnv.DB.exec('DROP TRIGGER refusing')
    }
  })

  test('asks again for everything while the database is away, and loses nothing by it', async () => {
    const messages = messagesOf(aCall())
    await testEnv.DB.exec('ALTER TABLE call_facts RENAME TO away')
    try {
      const { acked, retried } = await deliver(messages)
      expect(acked).toEqual([])
      expect(retried).toHaveLength(messages.length)
    } finally {
      await testEnv.DB.exec('ALTER TABLE away RENAME TO call_facts')
    }
    await deliver(messages)
    expect(await counted()).toEqual({ calls: 1, talkSeconds: 30 })
  })

  test('acknowledges events that no report counts yet', async () => {
    const event = makeEvent({
      type: 'device.presence.changed.v1',
      id: 'devices/thermometer-7:3',
      source: '/devices/thermometer-7',
      subject: 'thermometer-7',
      at: 0,
      data: eventExamples['device.presence.changed.v1'],
    })
    expect(await deliver(messagesOf([event]))).toEqual({ acked: ['m0'], retried: [] })
  })
})
