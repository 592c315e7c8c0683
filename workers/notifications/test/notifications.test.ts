import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type Answer,
  addressWith,
  ask,
  aUser,
  type Caller,
  eventually,
  mailTo,
  testEnv,
} from './support/api.ts'

let admin: Caller
let supervisor: Caller
let user: Caller
beforeAll(async () => {
  ;[admin, supervisor, user] = await Promise.all([
    aUser('admin'),
    aUser('supervisor'),
    aUser('user'),
  ])
})

const content = { title: 'Hello', body: 'A body\nof two lines' }
const create = (caller: Caller, body: object, headers: Record<string, string> = {}) =>
  ask(caller, 'POST', '/notifications/create', { category: 'news', content, ...body }, headers)
const toSelf = (caller: Caller, body: object = {}, headers: Record<string, string> = {}) =>
  create(caller, { recipient: { userId: caller.id }, ...body }, headers)
const look = (caller: Caller, id: string) => ask(caller, 'GET', `/notifications/${id}`)
const inHours = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
const codes = (answers: Answer[]) => answers.map(({ status, body }) => [status, body.code])
const pointers = ({ body }: Answer) =>
  body.errors.map(({ pointer }: { pointer: string }) => pointer)

describe('POST /notifications/create', () => {
  test('goes to the user by e-mail and into the feed, once, and says why', async () => {
    const caller = await aUser('user')
    const { status, body } = await toSelf(caller)
    expect(status).toBe(202)
    expect(body.data).toMatchObject({
      status: 'queued',
      decisions: ['Goes now', 'Goes by email and in-app, chosen because the recipient is a user'],
    })
    const { id } = body.data
    await eventually(async () => expect((await look(caller, id)).body.data.status).toBe('sent'))
    const { emails, attempts } = await mailTo(`${caller.id}@example.com`)
    expect(attempts).toBe(1)
    expect(emails).toEqual([
      {
        key: `${id}:email`,
        authorization: 'Bearer an-email-key-for-tests-only',
        to: `${caller.id}@example.com`,
        subject: 'Hello',
        text: content.body,
      },
    ])
    const { data } = (await look(caller, id)).body
    expect(data.deliveries).toEqual([
      expect.objectContaining({
        channel: 'email',
        status: 'sent',
        providerId: `email-${id}:email`,
      }),
      expect.objectContaining({ channel: 'in-app', status: 'sent', attempts: 1 }),
    ])
    const inbox = await ask(caller, 'GET', '/notifications/inbox')
    expect(inbox.body.data).toEqual([
      expect.objectContaining({ id, seq: 2, category: 'news', ...content }),
    ])
  })

  test('with a known Idempotency-Key is the same notification; another body or recipient is refused', async () => {
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => toSelf(admin, { channels: ['in-app'] }, key)),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 202))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    const replays = answers.filter(({ headers }) => headers.get('idempotent-replayed') === 'true')
    expect(replays).toHaveLength(9)
    const others = await Promise.all([
      toSelf(admin, { channels: ['in-app'], category: 'other' }, key),
      create(admin, { recipient: { userId: user.id }, channels: ['in-app'] }, key),
      create(admin, { recipient: { email: 'ada@example.com' } }, key),
    ])
    expect(codes(others)).toEqual(others.map(() => [422, 'idempotency_mismatch']))
    const mine = await toSelf(user, { channels: ['in-app'] }, key)
    expect(mine.body.data.id).not.toBe(answers[0]?.body.data.id)
  })

  test('with a dedupeKey of the last 24 hours is the notification that stands', async () => {
    const body = { channels: ['in-app'], dedupeKey: 'lunch' }
    const first = (await toSelf(user, body)).body.data
    const second = (await toSelf(user, { ...body, category: 'other' })).body.data
    expect(second.id).toBe(first.id)
    expect(second.decisions).toEqual([
      expect.stringMatching(new RegExp(`^Duplicate of ${first.id}, which is sent`)),
    ])
    const { data } = (await ask(user, 'GET', '/notifications/inbox')).body
    expect(data.filter(({ id }: { id: string }) => id === first.id)).toHaveLength(1)
  })

  test('waits for its time, to the second, and is listed until then', async () => {
    const at = Date.now() + 1_500
    const sendAt = new Date(at).toISOString()
    const { body } = await toSelf(user, { sendAt })
    const { id } = body.data
    expect(body.data).toMatchObject({ status: 'scheduled', sendAt })
    expect(body.data.decisions[0]).toBe(`Waits until ${sendAt}`)
    const pending = (await ask(user, 'GET', '/notifications/pending')).body.data
    expect(pending).toContainEqual(
      expect.objectContaining({
        id,
        status: 'scheduled',
        sendAt,
        nextAttemptAt: sendAt,
        attempts: 0,
      }),
    )
    await eventually(async () => expect((await look(user, id)).body.data.status).toBe('sent'))
    const { deliveries } = (await look(user, id)).body.data
    expect(Date.parse(deliveries[1].sentAt)).toBeGreaterThanOrEqual(at)
    await eventually(async () => {
      const { data } = (await ask(user, 'GET', '/notifications/pending')).body
      expect(data.map((one: { id: string }) => one.id)).not.toContain(id)
    })
  })

  test('whose time has passed goes now', async () => {
    const { body } = await toSelf(user, { sendAt: inHours(-1), channels: ['in-app'] })
    expect(body.data).toMatchObject({ status: 'queued' })
    expect(body.data.decisions[0]).toMatch(/^Goes now: its time .* has passed$/)
    expect(Date.parse(body.data.sendAt)).toBeGreaterThan(Date.now() - 60_000)
  })

  test('to others needs notifications:write:all', async () => {
    const recipients = [{ userId: supervisor.id }, { email: 'ada@example.com' }]
    const refused = await Promise.all(recipients.map((recipient) => create(user, { recipient })))
    expect(codes(refused)).toEqual(refused.map(() => [403, 'forbidden']))
    expect((await ask(undefined, 'POST', '/notifications/create', {})).status).toBe(401)
    const recipient = { userId: user.id.toUpperCase() }
    expect((await create(user, { recipient, channels: ['in-app'] })).status).toBe(202)
  })

  test('with what is not built is refused by the name of the field', async () => {
    const answers = await Promise.all(
      [
        { recipient: { deviceId: 'thermometer-7' } },
        { recipient: { phoneNumber: '+12025550101' } },
        { channels: ['email', 'sms'] },
        { channels: ['push'] },
        { channels: ['webhook'] },
        { channels: ['slack'] },
        { content: undefined, templateId: 'welcome' },
        { data: { name: 'Ada' } },
        { rrule: 'FREQ=DAILY' },
        { digest: { key: 'day', windowSeconds: 60 } },
      ].map((body) => toSelf(admin, body)),
    )
    expect(codes(answers)).toEqual(answers.map(() => [501, 'not_implemented']))
    const words = 'deviceId phoneNumber sms push webhook slack templateId data rrule digest'
    expect(
      words.split(' ').filter((word, i) => answers[i]?.body.detail.includes(word)),
    ).toHaveLength(10)
  })

  test('that is senseless is refused with a pointer', async () => {
    const answers = await Promise.all([
      toSelf(user, { sendAt: inHours(366 * 24) }),
      toSelf(user, { expiresAt: inHours(-1) }),
      toSelf(user, { sendAt: inHours(2), expiresAt: inHours(2) }),
      create(admin, { recipient: { email: 'ada@example.com' }, channels: ['in-app'] }),
      toSelf(user, { content: { title: 'a\ud800', body: 'b' } }),
      toSelf(user, { content: { title: '', body: 'b' } }),
      toSelf(user, { extra: 1 }),
    ])
    expect(codes(answers)).toEqual(answers.map(() => [422, 'validation_failed']))
    expect(answers.flatMap(pointers)).toEqual([
      '/sendAt',
      '/expiresAt',
      '/expiresAt',
      '/channels',
      '/content/title',
      '/content/title',
      '/extra',
    ])
  })

  test('with the longest text and the worst of characters is kept and sent', async () => {
    const worst = { title: '\u0001'.repeat(200), body: '\u0001'.repeat(10_000) }
    const { body } = await toSelf(user, { content: worst })
    const { id } = body.data
    await eventually(async () => expect((await look(user, id)).body.data.status).toBe('sent'))
  })
})

describe('GET /notifications/pending', () => {
  test('shows the next first, page by page, narrowed by channel, category and time', async () => {
    const caller = await aUser('user')
    const made: string[] = []
    for (const [hours, category, channels] of [
      [3, 'b', ['in-app']],
      [1, 'a', ['email']],
      [2, 'a', ['email', 'in-app']],
    ] as const)
      made.push((await toSelf(caller, { sendAt: inHours(hours), category, channels })).body.data.id)
    const list = async (query: string, by = caller) =>
      (await ask(by, 'GET', `/notifications/pending${query}`)).body
    const ids = (body: { data: { id: string }[] }) => body.data.map(({ id }) => id)
    const [third, first, second] = made
    expect(ids(await list(''))).toEqual([first, second, third])
    const page = await list('?limit=2')
    expect(ids(page)).toEqual([first, second])
    expect(ids(await list(`?limit=2&cursor=${page.meta.nextCursor}`))).toEqual([third])
    expect(ids(await list('?channel=in-app'))).toEqual([second, third])
    expect(ids(await list('?category=a'))).toEqual([first, second])
    expect(ids(await list(`?before=${inHours(1.5)}`))).toEqual([first])
    expect(ids(await list('?scope=all&category=b', supervisor))).toContain(third)
    const wrong = await ask(
      caller,
      'GET',
      `/notifications/pending?limit=1&category=a&cursor=${page.meta.nextCursor}`,
    )
    expect(wrong.status).toBe(422)
    const all = await ask(caller, 'GET', '/notifications/pending?scope=all')
    expect([all.status, all.body.code]).toEqual([403, 'forbidden'])
  })
})

describe('a notification', () => {
  test('is seen by its recipient and by supervisors; for others it does not exist', async () => {
    const email = addressWith('ok')
    const { id } = (await create(admin, { recipient: { email } })).body.data
    const own = (await toSelf(user, { channels: ['in-app'] })).body.data.id
    expect((await look(admin, id)).body.data.recipient).toEqual({ email })
    expect((await look(supervisor, own)).status).toBe(200)
    const missing = await Promise.all([look(user, id), look(user, newId()), look(admin, newId())])
    expect(codes(missing)).toEqual(missing.map(() => [404, 'not_found']))
    expect(missing[0]?.body.detail).toBe(missing[1]?.body.detail)
  })

  test('of the feed is paged newest first; a mailbox that was never opened is empty', async () => {
    const caller = await aUser('user')
    expect((await ask(caller, 'GET', '/notifications/inbox')).body.data).toEqual([])
    const made: string[] = []
    for (let i = 0; i < 3; i++)
      made.unshift((await toSelf(caller, { channels: ['in-app'] })).body.data.id)
    const first = (await ask(caller, 'GET', '/notifications/inbox?limit=2')).body
    const rest = await ask(
      caller,
      'GET',
      `/notifications/inbox?limit=2&cursor=${first.meta.nextCursor}`,
    )
    const ids = [...first.data, ...rest.body.data].map(({ id }: { id: string }) => id)
    expect(ids).toEqual(made)
    expect(rest.body.meta.nextCursor).toBeUndefined()
    expect((await ask(caller, 'GET', '/notifications/inbox?cursor=x')).status).toBe(422)
  })

  test('survives that its mailbox leaves memory: the timer and the dedupe key stand', async () => {
    const sendAt = new Date(Date.now() + 1_000).toISOString()
    const body = { sendAt, dedupeKey: 'evicted', channels: ['in-app'] }
    const { id } = (await toSelf(user, body)).body.data
    const { evictDurableObject } = await import('cloudflare:test')
    await evictDurableObject(testEnv.MAILBOX.getByName(`user:${user.id}`))
    expect((await toSelf(user, body)).body.data.id).toBe(id)
    await eventually(async () => expect((await look(user, id)).body.data.status).toBe('sent'))
  })
})
