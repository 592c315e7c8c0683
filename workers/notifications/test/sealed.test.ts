import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { DELIVERY_PURPOSE, makeEvent, newId, seal, toTimestamp } from '@menagerie/core'
import { describe, expect, test } from 'vitest'
import consumer from '../src/index.ts'
import { addressWith, deliver, mailTo, testEnv } from './support/api.ts'

const content = { title: 'Your code is 123456', body: '123456 is your code' }

/** What accounts puts into its outbox for a code. */
async function secret(
  to: { email: string } | { phoneNumber: string },
  { expiresIn = 60_000, key = testEnv.DELIVERY_KEY } = {},
) {
  const notificationId = newId()
  const channel = 'email' in to ? ('email' as const) : ('sms' as const)
  const deliveryId = `${notificationId}:${channel}`
  return makeEvent({
    type: 'notification.requested.v1',
    id: newId(),
    source: '/accounts',
    subject: notificationId,
    at: Date.now(),
    data: {
      notificationId,
      mailbox: null,
      deliveryId,
      channel,
      recipient: to,
      category: 'one-time-code',
      content: { sealed: await seal(key, DELIVERY_PURPOSE, JSON.stringify(content), deliveryId) },
      expiresAt: toTimestamp(Date.now() + expiresIn),
    },
  })
}

const rowOf = (id: string) =>
  testEnv.DB.prepare('SELECT state, reason, mailbox FROM deliveries WHERE id = ?').bind(id).first()

let numbers = 100
const freshNumber = () => `+1202555${String(numbers++).padStart(4, '0')}`

describe('content for its recipient alone', () => {
  test('is opened for the e-mail API, and no mailbox is told', async () => {
    const email = addressWith('ok')
    const event = await secret({ email })
    expect((await deliver('deliveries', event)).acked).toEqual(['m0'])
    expect((await mailTo(email)).emails).toMatchObject([
      { subject: content.title, text: content.body, key: event.data.deliveryId },
    ])
    expect(await rowOf(event.data.deliveryId)).toEqual({ state: 'sent', reason: null, mailbox: '' })
  })

  test("goes to a phone by the carrier's Messages resource", async () => {
    const phoneNumber = freshNumber()
    await deliver('deliveries', await secret({ phoneNumber }))
    expect((await mailTo(phoneNumber)).emails).toMatchObject([
      {
        subject: '+12025550100',
        text: content.body,
        authorization: `Basic ${btoa('ACtest:a-carrier-token-for-tests-only')}`,
      },
    ])
  })

  test('that comes twice is sent once', async () => {
    const phoneNumber = freshNumber()
    const event = await secret({ phoneNumber })
    await deliver('deliveries', event, event)
    await deliver('deliveries', event)
    expect((await mailTo(phoneNumber)).attempts).toBe(1)
  })

  test('is in no table and no log of deliveries in clear (S115 in part)', async () => {
    const event = await secret({ email: addressWith('ok') })
    await deliver('deliveries', event)
    const rows = await testEnv.DB.prepare('SELECT * FROM deliveries').all()
    const log = await testEnv.DB.prepare('SELECT * FROM delivery_log').all()
    expect(JSON.stringify([rows.results, log.results])).not.toContain('123456')
  })

  test('is dropped when it is over, even where nothing can be kept', async () => {
    const email = addressWith('ok')
    const event = await secret({ email }, { expiresIn: -1 })
    expect(await deliver('deliveries', event)).toEqual({ acked: ['m0'], retried: [] })
    expect((await mailTo(email)).attempts).toBe(0)
    expect(await rowOf(event.data.deliveryId)).toBeNull()
  })

  test('that cannot be opened is skipped with that reason', async () => {
    const email = addressWith('ok')
    const event = await secret({ email }, { key: 'another-delivery-key-of-somebody-else' })
    expect((await deliver('deliveries', event)).acked).toEqual(['m0'])
    expect((await mailTo(email)).attempts).toBe(0)
    expect(await rowOf(event.data.deliveryId)).toMatchObject({
      state: 'skipped',
      reason: 'cannot_be_opened',
    })
  })

  test('sealed for one delivery does not open for another', async () => {
    const event = await secret({ email: addressWith('ok') })
    const moved = {
      ...event,
      data: {
        ...event.data,
        deliveryId: `${newId()}:email`,
        recipient: { email: addressWith('ok') },
      },
    }
    await deliver('deliveries', moved)
    expect(await rowOf(moved.data.deliveryId)).toMatchObject({ reason: 'cannot_be_opened' })
  })

  test('becomes no dead letter: the attempt after which it would be one drops it', async () => {
    const event = await secret({ email: addressWith('503') })
    const turn = async (attempts: number) => {
      const message = { id: 'm', body: event, timestamp: new Date(), attempts }
      const batch = createMessageBatch('menagerie-deliveries', [message])
      await consumer.queue(batch, testEnv)
      return getQueueResult(batch, createExecutionContext())
    }
    expect((await turn(1)).retryMessages).toHaveLength(1)
    expect((await turn(20)).explicitAcks).toEqual(['m'])
  })
})
