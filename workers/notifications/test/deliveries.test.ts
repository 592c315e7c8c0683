import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  addressWith,
  ask,
  aUser,
  type Caller,
  deliver,
  eventually,
  mailTo,
  testEnv,
} from './support/api.ts'
import { requested } from './support/requests.ts'

let admin: Caller
beforeAll(async () => {
  admin = await aUser('admin')
})

const send = async (recipient: object): Promise<string> => {
  const content = { title: 'Hello', body: 'Body' }
  const body = { recipient, channels: ['email'], category: 'news', content }
  return (await ask(admin, 'POST', '/notifications/create', body)).body.data.id
}
const look = async (id: string) => (await ask(admin, 'GET', `/notifications/${id}`)).body.data
const ends = (id: string, status: string, delivery: object) =>
  eventually(async () => {
    const seen = await look(id)
    expect(seen.status).toBe(status)
    expect(seen.deliveries[0]).toMatchObject(delivery)
  })
const logOf = async (id: string) => {
  const query =
    'SELECT attempt, outcome, status, reason FROM delivery_log WHERE delivery_id = ? ORDER BY attempt'
  return (await testEnv.DB.prepare(query).bind(`${id}:email`).all()).results
}
const rowOf = (id: string) =>
  testEnv.DB.prepare('SELECT * FROM deliveries WHERE id = ?').bind(`${id}:email`).first()

describe('a provider', () => {
  test('that fails once is asked again, and every attempt is in the log', async () => {
    const email = addressWith('500.ok')
    const id = await send({ email })
    await ends(id, 'sent', { status: 'sent', attempts: 2, providerId: `email-${id}:email` })
    expect(await mailTo(email)).toMatchObject({ attempts: 2, emails: [{ key: `${id}:email` }] })
    expect(await logOf(id)).toEqual([
      { attempt: 1, outcome: 'retrying', status: 500, reason: 'provider_answered_500' },
      { attempt: 2, outcome: 'sent', status: 200, reason: null },
    ])
  })

  test('that took the e-mail and lost its answer is asked again and sends nothing twice', async () => {
    const email = addressWith('lost.ok')
    const id = await send({ email })
    await ends(id, 'sent', { status: 'sent', attempts: 2 })
    const { emails, attempts } = await mailTo(email)
    expect([emails.length, attempts]).toEqual([1, 2])
    expect((await logOf(id))[0]).toMatchObject({ outcome: 'retrying' })
  })

  test('that says when to come again is not asked before (RFC 9110 §10.2.3)', async () => {
    const email = addressWith('slowed')
    const id = await send({ email })
    await ends(id, 'queued', { status: 'queued', attempts: 1 })
    const { deliveries } = await look(id)
    const wait = Date.parse(deliveries[0].nextAttemptAt) - Date.now()
    expect(wait).toBeGreaterThan(60_000)
    expect(wait).toBeLessThanOrEqual(77_000)
    await eventually(async () => {
      const { data } = (await ask(admin, 'GET', '/notifications/pending?scope=all&limit=200')).body
      const [listed] = data.filter((one: { id: string }) => one.id === id)
      expect(listed).toMatchObject({
        status: 'queued',
        attempts: 1,
        nextAttemptAt: deliveries[0].nextAttemptAt,
      })
    })
  })

  test.each([
    ['400', 'provider_answered_400'],
    ['moved', 'provider_answered_307'],
  ])('that answers %s is asked once: the delivery has failed', async (plan, reason) => {
    const email = addressWith(plan)
    const id = await send({ email })
    await ends(id, 'failed', { status: 'failed', attempts: 1, reason })
    expect((await mailTo(email)).attempts).toBe(1)
  })

  test('that answers at endless length has still taken it', async () => {
    const id = await send({ email: addressWith('huge') })
    await ends(id, 'sent', { status: 'sent', providerId: null })
  })

  test('is asked eight times in all', async () => {
    const email = addressWith('503')
    const event = await requested({ email })
    const { notificationId: id } = event.data
    for (let attempt = 1; attempt <= 8; attempt++) {
      await eventually(async () =>
        expect((await rowOf(id))?.attempts).toBeGreaterThanOrEqual(attempt),
      )
      await eventually(async () => expect((await rowOf(id))?.state).not.toBe('sending'))
      // Its time has come.
      await testEnv.DB.prepare('UPDATE deliveries SET next_attempt_at = 0 WHERE id = ?')
        .bind(`${id}:email`)
        .run()
      await deliver('deliveries', event)
    }
    await ends(id, 'failed', { status: 'failed', reason: 'provider_answered_503', attempts: 8 })
    expect((await mailTo(email)).attempts).toBe(8)
    expect(await logOf(id)).toHaveLength(8)
  })
})

describe('a message', () => {
  test('that comes many times at once and again later asks the provider once', async () => {
    const email = addressWith('ok')
    const event = await requested({ email })
    const { notificationId: id } = event.data
    await Promise.all([
      deliver('deliveries', event, event, event),
      deliver('deliveries', { ...event, id: `${event.id}.2` }),
    ])
    await ends(id, 'sent', { status: 'sent', attempts: 1 })
    expect((await deliver('deliveries', event)).acked).toEqual(['m0'])
    expect((await mailTo(email)).attempts).toBe(1)
  })

  test('of a consumer that crashed waits for the lease, then goes on', async () => {
    const email = addressWith('ok')
    const event = await requested({ email })
    const { notificationId: id } = event.data
    await ends(id, 'sent', { status: 'sent' })
    // Crashed after the provider took it, before anything was kept.
    const crash =
      'UPDATE deliveries SET state = ?, lease_until = ?, provider_id = NULL WHERE id = ?'
    const leave = (leaseUntil: number) =>
      testEnv.DB.prepare(crash).bind('sending', leaseUntil, `${id}:email`).run()
    await leave(Date.now() + 30_000)
    expect(await deliver('deliveries', event)).toEqual({ acked: [], retried: ['m0'] })
    await leave(Date.now() - 1)
    expect((await deliver('deliveries', event)).acked).toEqual(['m0'])
    expect(await rowOf(id)).toMatchObject({ state: 'sent', attempts: 2 })
    const { emails, attempts } = await mailTo(email)
    expect([emails.length, attempts]).toEqual([1, 2])
  })

  test('that is too late asks nobody', async () => {
    const email = addressWith('ok')
    const past = new Date(Date.now() - 1_000).toISOString()
    const event = await requested({ userId: newId() }, past)
    const late = {
      ...event,
      data: { ...event.data, recipient: { email }, deliveryId: `${newId()}:email` },
    }
    expect((await deliver('deliveries', late)).acked).toEqual(['m0'])
    expect((await mailTo(email)).attempts).toBe(0)
    const row = await testEnv.DB.prepare('SELECT state, reason FROM deliveries WHERE id = ?')
      .bind(late.data.deliveryId)
      .first()
    expect(row).toEqual({ state: 'skipped', reason: 'expired' })
  })

  test('that is poison comes again by itself; the others are let go', async () => {
    const event = await requested({ email: addressWith('ok') })
    await ends(event.data.notificationId, 'sent', { status: 'sent' })
    const { acked, retried } = await deliver(
      'deliveries',
      { nonsense: true },
      event,
      { ...event, data: { ...event.data, channel: 'slack', deliveryId: `${newId()}:slack` } },
      null,
    )
    expect(acked).toEqual(['m1'])
    expect(retried.toSorted()).toEqual(['m0', 'm2', 'm3'])
  })
})

describe('a user', () => {
  const userWith = (end: string) => newId().slice(0, -end.length) + end

  test.each([
    ['dead', 'no_such_user'],
    ['0e11', 'no_address'],
    ['0bad', 'address_not_verified'],
  ])('whose id ends in %s gets no e-mail: %s', async (end, reason) => {
    const userId = userWith(end)
    const id = await send({ userId })
    await ends(id, 'failed', { status: 'skipped', reason })
    expect((await mailTo(`${userId}@example.com`)).attempts).toBe(0)
  })

  test('of whom accounts cannot be asked now is asked for again', async () => {
    const id = await send({ userId: userWith('0503') })
    await ends(id, 'queued', { status: 'queued', attempts: 1 })
    expect((await logOf(id))[0]).toMatchObject({
      outcome: 'retrying',
      reason: 'contacts_unavailable',
    })
  })
})
