import { newId } from '@menagerie/core'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, eventually } from './support/api.ts'
import { aPhone, texts, textWebhook } from './support/texts.ts'

let agent: Caller
let supervisor: Caller
let user: Caller
beforeAll(async () => {
  ;[agent, supervisor, user] = await Promise.all([
    aUser('agent'),
    aUser('supervisor'),
    aUser('user'),
  ])
})

const send = (caller: Caller | undefined, body: object, headers: Record<string, string> = {}) =>
  ask(caller, 'POST', '/messages/send', body, headers)
const text = (to: string, body = 'hello', more: object = {}) => ({
  to,
  channel: 'sms',
  body,
  ...more,
})
const messagesOf = async (id: string, query = '') =>
  (await ask(supervisor, 'GET', `/conversations/${id}/messages${query}`)).body
const inbound = (from: string, sid: string, body = 'hi', more: Record<string, string> = {}) =>
  textWebhook('/webhooks/twilio/message', {
    MessageSid: sid,
    From: from,
    To: '+12025550100',
    Body: body,
    NumMedia: '0',
    ...more,
  })
const aSid = () => `SM${newId().replaceAll('-', '')}`

describe('POST /messages/send', () => {
  test('sends a text once and answers 202 with its place in the conversation (B20)', async () => {
    const to = aPhone()
    const sent = await send(agent, text(to))
    expect(sent.status).toBe(202)
    const { id, conversationId } = sent.body.data
    expect(sent.body.data).toEqual({ id, conversationId, seq: 2, status: 'queued' })
    await eventually(async () => expect(await texts(to)).toHaveLength(1))
    const [taken] = await texts(to)
    expect(taken).toMatchObject({ to, from: '+12025550100', body: 'hello' })
    expect(taken?.callback).toBe(
      `http://localhost:9/webhooks/twilio/message-status?conversationId=${conversationId}&messageId=${id}`,
    )
    const { data } = await messagesOf(conversationId)
    expect(data).toMatchObject([{ id, seq: 2, direction: 'outbound', from: '+12025550100', to }])
  })

  test('the same customer always reaches the same thread, on each channel its own', async () => {
    const to = aPhone()
    const ids = await Promise.all(
      [text(to), text(to, 'again'), { ...text(to), channel: 'whatsapp' }].map(
        async (body) => (await send(agent, body)).body.data.conversationId,
      ),
    )
    expect(ids[0]).toBe(ids[1])
    expect(ids[2]).not.toBe(ids[0])
    const whatsapp = `whatsapp:${to}`
    await eventually(async () => expect(await texts(whatsapp)).toHaveLength(1))
    expect((await texts(whatsapp))[0]?.from).toBe('whatsapp:+12025550100')
  })

  test('sends a clientMessageId once for each author; another text under it is 422', async () => {
    const to = aPhone()
    const body = text(to, 'once', { clientMessageId: 'c-1' })
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(agent, body)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body.data))).size).toBe(1)
    expect(answers.filter(({ headers }) => headers.get('idempotent-replayed'))).toHaveLength(7)
    const other = await send(agent, { ...body, body: 'other' })
    expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    // The id is the author's own.
    expect((await send(supervisor, body)).headers.get('idempotent-replayed')).toBeNull()
    await eventually(async () => expect(await texts(to)).toHaveLength(2))
  })

  test('sends an Idempotency-Key once, whoever else it is used for', async () => {
    const to = aPhone()
    const key = { 'idempotency-key': newId() }
    const answers = await Promise.all(Array.from({ length: 5 }, () => send(agent, text(to), key)))
    expect(new Set(answers.map(({ body }) => body.data.id)).size).toBe(1)
    for (const body of [text(to, 'other'), text(aPhone())]) {
      const other = await send(agent, body, key)
      expect([other.status, other.body.code]).toEqual([422, 'idempotency_mismatch'])
    }
    await eventually(async () => expect(await texts(to)).toHaveLength(1))
  })

  test('refuses who may not write, what is malformed and what is not built', async () => {
    const to = aPhone()
    const year = new Date(Date.now() + 366 * 86_400_000).toISOString()
    const outcomes = await Promise.all([
      send(undefined, text(to)),
      send(user, text(to)),
      send(user, { to: `user:${agent.id}`, channel: 'chat', body: 'x' }),
      send(agent, { ...text(to), conversationId: newId() }),
      send(agent, { channel: 'sms', body: 'x' }),
      send(agent, text('123')),
      send(agent, text(`user:${user.id}`)),
      send(agent, text(to, ' ')),
      send(agent, text(to, 'x'.repeat(1601))),
      send(agent, text(to, 'x', { sendAt: year })),
      send(agent, text(to, 'x', { mediaUrls: ['http://example.com/a.png'] })),
      send(agent, { conversationId: newId(), channel: 'sms', body: 'x' }),
      send(agent, { to: 'ada@example.com', channel: 'email', body: 'x' }),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual([
      401, 403, 403, 422, 422, 422, 422, 422, 422, 422, 422, 404, 501,
    ])
    expect(await texts(to)).toEqual([])
  })

  test('an answer goes to the conversation that is named, on its channel', async () => {
    const from = aPhone()
    await inbound(from, aSid(), 'hi', { To: '+12025550111' })
    const { conversationId } = (await send(agent, text(from))).body.data
    await send(agent, { conversationId, channel: 'sms', body: 'answer' })
    // It comes from the number that the customer wrote to.
    await eventually(async () =>
      expect((await texts(from)).map(({ from: ours, body }) => [ours, body])).toEqual([
        ['+12025550111', 'answer'],
        ['+12025550111', 'hello'],
      ]),
    )
    const wrong = await send(agent, { conversationId, channel: 'whatsapp', body: 'x' })
    expect([wrong.status, wrong.body.errors[0].pointer]).toEqual([422, '/channel'])
  })

  test('keeps a message until its time', async () => {
    const to = aPhone()
    const sendAt = new Date(Date.now() + 1_500).toISOString()
    const { status, body } = await send(agent, text(to, 'later', { sendAt }))
    expect([status, body.data.status, body.data.seq]).toEqual([202, 'queued', 2])
    expect((await messagesOf(body.data.conversationId)).data).toEqual([])
    expect(await texts(to)).toEqual([])
    await eventually(async () => expect(await texts(to)).toHaveLength(1))
    expect((await messagesOf(body.data.conversationId)).data).toMatchObject([
      { id: body.data.id, seq: 3, body: 'later' },
    ])
  })

  test('media go along', async () => {
    const to = aPhone()
    const mediaUrls = ['https://example.com/a.png', 'https://example.com/b.png']
    await send(agent, text(to, 'look', { mediaUrls }))
    await eventually(async () => expect((await texts(to))[0]?.media).toEqual(mediaUrls))
  })
})

describe('an unreliable carrier', () => {
  test.each(['answer lost', 'request lost', 'busy'])(
    '%s: the text arrives once',
    async (fault) => {
      const to = aPhone()
      const { body } = await send(agent, text(to, `text [${fault}]`))
      await eventually(async () => {
        const [message] = (await messagesOf(body.data.conversationId)).data
        // The carrier's id is known once its callback can be told from another's.
        expect(message.status).toBe('queued')
        expect(await texts(to)).toHaveLength(1)
      })
      const [taken] = await texts(to)
      await textWebhook(taken?.callback ?? '', {
        MessageSid: taken?.sid ?? '',
        MessageStatus: 'delivered',
      })
      const [message] = (await messagesOf(body.data.conversationId)).data
      expect(message.status).toBe('delivered')
      expect(await texts(to)).toHaveLength(1)
    },
    30_000,
  )

  test('a text that it refuses has failed, with its reason', async () => {
    const { body } = await send(agent, text('+9991234567890'))
    await eventually(async () => {
      const [message] = (await messagesOf(body.data.conversationId)).data
      expect(message).toMatchObject({ status: 'failed', reason: 'carrier_21211' })
    })
  })
})

describe('webhooks about messages', () => {
  test('move a message forward, once each, and never back', async () => {
    const to = aPhone()
    const { conversationId } = (await send(agent, text(to))).body.data
    await eventually(async () => expect(await texts(to)).toHaveLength(1))
    const [taken] = await texts(to)
    const tell = (MessageStatus: string, MessageSid = taken?.sid ?? '') =>
      textWebhook(taken?.callback ?? '', { MessageSid, MessageStatus })
    const seen: string[] = []
    for (const status of ['sending', 'delivered', 'sent', 'delivered', 'failed', 'read', 'sent']) {
      expect((await tell(status)).status).toBe(204)
      seen.push((await messagesOf(conversationId)).data[0].status)
    }
    expect(seen).toEqual([
      'queued',
      'delivered',
      'delivered',
      'delivered',
      'delivered',
      'read',
      'read',
    ])
    expect((await ask(agent, 'GET', `/conversations/${conversationId}`)).body.data.seq).toBe(4)
  })

  test('tell of a failure and why', async () => {
    const to = aPhone()
    const { conversationId } = (await send(agent, text(to))).body.data
    await eventually(async () => expect(await texts(to)).toHaveLength(1))
    const [taken] = await texts(to)
    const fields = {
      MessageSid: taken?.sid ?? '',
      MessageStatus: 'undelivered',
      ErrorCode: '30003',
    }
    await textWebhook(taken?.callback ?? '', fields)
    expect((await messagesOf(conversationId)).data[0]).toMatchObject({
      status: 'failed',
      reason: 'carrier_30003',
    })
  })

  test('bring a message in once, and an empty answer back', async () => {
    const from = aPhone()
    const sid = aSid()
    const answers = await Promise.all(Array.from({ length: 4 }, () => inbound(from, sid)))
    for (const { status, text: said } of answers) {
      expect(status).toBe(200)
      expect(said).toContain('<Response/>')
    }
    const { conversationId } = (await send(agent, text(from))).body.data
    const { data } = await messagesOf(conversationId)
    expect(data.map(({ direction }: { direction: string }) => direction)).toEqual([
      'outbound',
      'inbound',
    ])
    expect(data[1]).toMatchObject({ from, to: '+12025550100', body: 'hi', status: 'received' })
  })

  test('of WhatsApp, with media, come to the customer of that channel', async () => {
    const from = aPhone()
    await inbound(`whatsapp:${from}`, aSid(), '', {
      To: 'whatsapp:+12025550100',
      NumMedia: '1',
      MediaUrl0: 'https://example.com/photo.jpg',
    })
    const found = await eventually(async () => {
      const { body } = await ask(
        agent,
        'GET',
        `/conversations?customer=${encodeURIComponent(from)}`,
      )
      expect(body.data).toHaveLength(1)
      return body.data[0]
    })
    expect(found).toMatchObject({ channel: 'whatsapp', customer: from, unread: 1 })
    expect((await messagesOf(found.id)).data).toMatchObject([
      { body: '', mediaUrls: ['https://example.com/photo.jpg'] },
    ])
  })

  test('that are forged, malformed or about nothing change nothing', async () => {
    const from = aPhone()
    const fields = { MessageSid: aSid(), From: from, To: '+12025550100', Body: 'hi' }
    const forged = await textWebhook('/webhooks/twilio/message', fields, 'Zm9yZ2VkIHNpZ25hdHVyZSEh')
    expect(forged.status).toBe(403)
    expect(JSON.parse(forged.text).code).toBe('invalid_signature')
    const { From: _, ...without } = fields
    expect((await textWebhook('/webhooks/twilio/message', without)).status).toBe(422)
    const status = { MessageSid: aSid(), MessageStatus: 'sent' }
    for (const query of [
      '',
      `?conversationId=${newId()}&messageId=${newId()}`,
      '?conversationId=1',
    ])
      expect((await textWebhook(`/webhooks/twilio/message-status${query}`, status)).status).toBe(
        404,
      )
    const list = await ask(agent, 'GET', `/conversations?customer=${encodeURIComponent(from)}`)
    expect(list.body.data).toEqual([])
  })
})

describe('conversations', () => {
  test('are given to an agent, closed, and opened by the next message', async () => {
    const from = aPhone()
    await inbound(from, aSid())
    const { conversationId: id } = (await send(agent, text(from))).body.data
    const assign = (agentId: string | null) =>
      ask(supervisor, 'POST', `/conversations/${id}/assign`, { agentId })
    expect((await assign(agent.id)).body.data).toMatchObject({ assignedTo: agent.id })
    expect((await assign(null)).body.data).toMatchObject({ assignedTo: null })
    const key = { 'idempotency-key': newId() }
    const resolve = (headers = {}) =>
      ask(agent, 'POST', `/conversations/${id}/resolve`, undefined, headers)
    expect((await resolve(key)).body.data.status).toBe('resolved')
    const again = await resolve(key)
    expect([again.status, again.headers.get('idempotent-replayed')]).toEqual([200, 'true'])
    for (const refused of [await resolve(), await assign(agent.id)])
      expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
    await inbound(from, aSid(), 'still there?')
    const { data } = (await ask(agent, 'GET', `/conversations/${id}`)).body
    expect(data).toMatchObject({ status: 'open', unread: 2, lastMessage: 'still there?' })
  })

  test("of others answer 404, and are not in one's list", async () => {
    const other = await aUser('user')
    const mine = await send(user, { to: `user:${user.id}`, channel: 'chat', body: 'help' })
    const id = mine.body.data.conversationId
    expect((await ask(user, 'GET', `/conversations/${id}`)).status).toBe(200)
    const denied = await Promise.all([
      ask(other, 'GET', `/conversations/${id}`),
      ask(other, 'GET', `/conversations/${id}/messages`),
      ask(other, 'POST', `/conversations/${id}/ticket`),
      ask(other, 'GET', `/conversations/${newId()}`),
      send(other, { conversationId: id, channel: 'chat', body: 'x' }),
    ])
    expect(denied.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404])
    expect((await ask(user, 'POST', `/conversations/${id}/resolve`)).status).toBe(403)
    await eventually(async () =>
      expect((await ask(user, 'GET', '/conversations')).body.data).toMatchObject([{ id }]),
    )
    expect((await ask(other, 'GET', '/conversations')).body.data).toEqual([])
  })

  test('are listed with the newest message first, by page and filter', async () => {
    const reader = await aUser('supervisor')
    const phones = [aPhone(), aPhone(), aPhone()]
    const ids: string[] = []
    for (const phone of phones) {
      await inbound(phone, aSid(), `from ${phone}`)
      ids.unshift((await send(agent, text(phone, 'hello'))).body.data.conversationId)
    }
    for (const id of ids)
      await ask(supervisor, 'POST', `/conversations/${id}/assign`, { agentId: reader.id })
    const list = async (query: string) =>
      (await ask(reader, 'GET', `/conversations?assignedTo=${reader.id}&${query}`)).body
    const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id)
    await eventually(async () => expect(idsOf(await list(''))).toEqual(ids))
    const first = await list('limit=2')
    const second = await list(`limit=2&cursor=${encodeURIComponent(first.meta.nextCursor)}`)
    expect([idsOf(first), idsOf(second)]).toEqual([ids.slice(0, 2), ids.slice(2)])
    expect(second.meta.nextCursor).toBeUndefined()
    const foreign = await ask(agent, 'GET', `/conversations?cursor=${first.meta.nextCursor}`)
    expect(foreign.status).toBe(422)
    expect(idsOf(await list('status=resolved'))).toEqual([])
    expect(idsOf(await list(`customer=${encodeURIComponent(phones[0] ?? '')}`))).toEqual([ids[2]])
  })

  test('show their messages newest first, page by page', async () => {
    const from = aPhone()
    for (const n of [1, 2, 3, 4, 5]) await inbound(from, aSid(), `number ${n}`)
    const { conversationId: id } = (await send(agent, text(from, 'number 6'))).body.data
    const bodies: string[] = []
    let query = '?limit=2'
    for (;;) {
      const { data, meta } = await messagesOf(id, query)
      bodies.push(...data.map(({ body }: { body: string }) => body))
      if (meta.nextCursor === undefined) break
      query = `?limit=2&cursor=${meta.nextCursor}`
    }
    expect(bodies).toEqual([6, 5, 4, 3, 2, 1].map((n) => `number ${n}`))
  })
})
