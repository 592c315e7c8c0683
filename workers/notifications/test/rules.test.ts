import { type EventData, eventData } from '@menagerie/contracts'
import { makeEvent, newId } from '@menagerie/core'
import { describe, expect, test } from 'vitest'
import { ask, aUser, deliver, eventually, mailTo, testEnv } from './support/api.ts'

const triggered = (ownerId: string, change: Partial<EventData<'device.rule.triggered.v1'>> = {}) =>
  makeEvent({
    type: 'device.rule.triggered.v1',
    id: `devices/thermometer-7:${newId()}`,
    source: '/devices/thermometer-7',
    subject: 'thermometer-7',
    at: Date.now(),
    data: {
      deviceId: 'thermometer-7',
      ownerId,
      deviceName: 'Cellar',
      rule: { stream: 'climate', field: 'temperature', operator: 'above', threshold: 30 },
      value: 31.5,
      triggeredAt: '2026-11-21T10:00:00.000Z',
      ...change,
    },
  })

describe('the queue rules', () => {
  test('turns a crossed threshold into one e-mail and one entry, however often the event comes', async () => {
    const owner = await aUser('user')
    const event = triggered(owner.id)
    const first = await Promise.all([
      deliver('rules', event, event),
      deliver('rules', event),
      deliver('rules', { ...event, queue: 'rules' }),
    ])
    expect(first.flatMap(({ acked }) => acked)).toHaveLength(4)
    const address = `${owner.id}@example.com`
    await eventually(async () => expect((await mailTo(address)).emails).toHaveLength(1))
    await deliver('rules', event)
    const { emails, attempts } = await mailTo(address)
    expect(attempts).toBe(1)
    expect(emails[0]?.subject).toBe('Cellar: temperature above 30')
    expect(emails[0]?.text).toContain('temperature is 31.5, above 30')
    const { data } = (await ask(owner, 'GET', '/notifications/inbox')).body
    expect(data).toEqual([
      expect.objectContaining({ category: 'device-alert', title: 'Cellar: temperature above 30' }),
    ])
  })

  test('is the same notification also when the rule says something else by then', async () => {
    const owner = await aUser('user')
    const event = triggered(owner.id)
    await deliver('rules', event)
    const renamed = { ...event, data: { ...event.data, deviceName: 'Attic' } }
    expect((await deliver('rules', renamed)).acked).toEqual(['m0'])
    const { data } = (await ask(owner, 'GET', '/notifications/inbox')).body
    expect(data).toHaveLength(1)
  })

  test('lets go of what no rule is about', async () => {
    const { userId } = eventData['user.registered.v1'].parse({
      userId: newId(),
      channel: 'email',
      registeredAt: '2026-11-21T10:00:00.000Z',
    })
    const event = makeEvent({
      type: 'user.registered.v1',
      id: newId(),
      source: `/users/${userId}`,
      subject: userId,
      at: Date.now(),
      data: { userId, channel: 'email', registeredAt: '2026-11-21T10:00:00.000Z' },
    })
    expect((await deliver('rules', event)).acked).toEqual(['m0'])
  })

  test('brings poison again by itself, and does nothing where the rule is switched off', async () => {
    const owner = await aUser('user')
    const other = await aUser('user')
    const { acked, retried } = await deliver('rules', 'poison', triggered(owner.id), { id: 1 })
    expect([acked, retried]).toEqual([['m1'], ['m0', 'm2']])
    await testEnv.DB.prepare("UPDATE rules SET enabled = 0 WHERE id = 'device-alert'").run()
    try {
      expect((await deliver('rules', triggered(other.id))).acked).toEqual(['m0'])
      expect((await ask(other, 'GET', '/notifications/inbox')).body.data).toEqual([])
    } finally {
      await testEnv.DB.prepare("UPDATE rules SET enabled = 1 WHERE id = 'device-alert'").run()
    }
  })

  test('keeps an event whose rules cannot be read', async () => {
    const owner = await aUser('user')
    const event = triggered(owner.id)
    await testEnv.DB.prepare('ALTER TABLE rules RENAME TO away').run()
    try {
      expect(await deliver('rules', event)).toEqual({ acked: [], retried: ['m0'] })
    } finally {
      await testEnv.DB.prepare('ALTER TABLE away RENAME TO rules').run()
    }
    expect((await deliver('rules', event)).acked).toEqual(['m0'])
    expect((await ask(owner, 'GET', '/notifications/inbox')).body.data).toHaveLength(1)
  })
})
