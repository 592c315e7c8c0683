import { newId, type Principal } from '@menagerie/core'
import type { ConversationApi } from '@menagerie/durable-objects/conversation'
import { beforeAll, describe, expect, test } from 'vitest'
import { ask, aUser, type Caller, connect, eventually, testEnv } from './support/api.ts'
import { aPhone, ThreadLine, texts } from './support/texts.ts'

let agent: Caller
beforeAll(async () => {
  agent = await aUser('agent')
})

/** A customer with an account, who has written. */
async function aChat(): Promise<{ customer: Caller; id: string }> {
  const customer = await aUser('user')
  const body = { to: `user:${customer.id}`, channel: 'chat', body: 'help' }
  const sent = await ask(customer, 'POST', '/messages/send', body)
  expect(sent.body.data.status).toBe('queued')
  return { customer, id: sent.body.data.conversationId }
}
const answer = (conversationId: string, body: string) =>
  ask(agent, 'POST', '/messages/send', { conversationId, channel: 'chat', body })
const newest = async (id: string) =>
  (await ask(agent, 'GET', `/conversations/${id}/messages?limit=1`)).body.data[0]

describe('the socket of a conversation', () => {
  test('welcomes with the conversation and its last messages', async () => {
    const { customer, id } = await aChat()
    for (let n = 0; n < 25; n++) await answer(id, `answer ${n}`)
    const line = await ThreadLine.open(customer, id)
    const { data } = await line.until(({ type }) => type === 'welcome')
    expect(data.snapshot).toMatchObject({ id, channel: 'chat', status: 'open', unread: 1 })
    expect(data.snapshot.messages).toHaveLength(20)
    expect(data.snapshot.messages[0].body).toBe('answer 24')
  })

  test('brings every event once and in order, also those that were missed', async () => {
    const { customer, id } = await aChat()
    await answer(id, 'one')
    const line = await ThreadLine.open(customer, id, '?afterSeq=0')
    await answer(id, 'two')
    await line.until(({ data }) => data.body === 'two')
    await eventually(async () => expect((await newest(id)).status).toBe('delivered'))
    const last = (await ask(agent, 'GET', `/conversations/${id}`)).body.data.seq
    await line.until(({ seq }) => seq === last)
    const seqs = line.frames.flatMap(({ seq }) => seq ?? [])
    expect(seqs).toEqual(Array.from({ length: last }, (_, i) => i + 1))
  })

  test('what we say is sent, delivered by a socket of the customer, and read', async () => {
    const { customer, id } = await aChat()
    await answer(id, 'how can we help?')
    expect(await newest(id)).toMatchObject({
      direction: 'outbound',
      from: agent.id,
      to: customer.id,
      status: 'sent',
    })
    // Our own sockets are not the customer's.
    const ours = await ThreadLine.open(agent, id)
    expect((await newest(id)).status).toBe('sent')
    const theirs = await ThreadLine.open(customer, id)
    await eventually(async () => expect((await newest(id)).status).toBe('delivered'))
    const { seq } = await newest(id)
    theirs.send('message.read', 'r1', { seq })
    await theirs.ack('r1')
    expect((await newest(id)).status).toBe('read')
    await ours.until(({ type, data }) => type === 'message.status' && data.status === 'read')
  })

  test('what the customer says is unread until somebody here has read it', async () => {
    const { customer, id } = await aChat()
    const theirs = await ThreadLine.open(customer, id)
    theirs.send('message.send', 's1', { clientMessageId: 'c1', body: 'are you there?' })
    theirs.send('message.send', 's1', { clientMessageId: 'c1', body: 'are you there?' })
    const { data } = await theirs.ack('s1')
    await eventually(() => {
      const acks = theirs.frames.filter(({ type }) => type === 'ack')
      expect(acks.map((ack) => ack.data)).toEqual([data, data])
    })
    const unread = async () => (await ask(agent, 'GET', `/conversations/${id}`)).body.data.unread
    expect(await unread()).toBe(2)
    const ours = await ThreadLine.open(agent, id)
    ours.send('message.read', 'r1', { seq: data.seq })
    await ours.ack('r1')
    expect(await unread()).toBe(0)
    await theirs.until(({ type, data }) => type === 'message.status' && data.status === 'read')
  })

  test('the same clientMessageId is one message, over HTTP and socket alike', async () => {
    const { customer, id } = await aChat()
    const line = await ThreadLine.open(customer, id)
    line.send('message.send', 's1', { clientMessageId: 'both', body: 'once' })
    const { data } = await line.ack('s1')
    const body = { conversationId: id, channel: 'chat', body: 'once', clientMessageId: 'both' }
    const sent = await ask(customer, 'POST', '/messages/send', body)
    expect([sent.body.data.seq, sent.headers.get('idempotent-replayed')]).toEqual([
      data.seq,
      'true',
    ])
    line.send('message.send', 's2', { clientMessageId: 'both', body: 'twice' })
    expect((await line.ack('s2')).data.code).toBe('idempotency_mismatch')
  })

  test('typing reaches the others and is not kept', async () => {
    const { customer, id } = await aChat()
    const [theirs, ours] = await Promise.all([
      ThreadLine.open(customer, id),
      ThreadLine.open(agent, id),
    ])
    await theirs.until(({ type }) => type === 'welcome')
    const before = (await ask(agent, 'GET', `/conversations/${id}`)).body.data.seq
    ours.send('typing', 't1')
    const frame = await theirs.until(({ type }) => type === 'typing')
    expect(frame).toEqual({ type: 'typing', data: { from: agent.id } })
    expect(ours.frames.some(({ type }) => type === 'typing')).toBe(false)
    expect((await ask(agent, 'GET', `/conversations/${id}`)).body.data.seq).toBe(before)
  })

  test('answers frames that it cannot serve, and stays open', async () => {
    const { customer, id } = await aChat()
    const line = await ThreadLine.open(customer, id)
    const frames: [string, object][] = [
      ['message.send', { body: 'x' }],
      ['message.send', { clientMessageId: 'a', body: 'x'.repeat(10_001) }],
      ['message.send', { clientMessageId: 'a', body: 'x', from: agent.id }],
      ['message.read', { seq: -1 }],
      ['typing', { from: agent.id }],
      ['call.hangup', {}],
    ]
    for (const [n, [type, data]] of frames.entries()) line.send(type, `f${n}`, data)
    const codes = await Promise.all(
      frames.map(async (_, n) => (await line.ack(`f${n}`)).data.code as string),
    )
    expect(codes).toEqual([...Array<string>(5).fill('validation_failed'), 'invalid_request'])
    line.send('message.send', 'ok', { clientMessageId: 'b', body: 'still here' })
    expect((await line.ack('ok')).type).toBe('ack')
  })

  test('what an agent writes there goes to a phone by its carrier, once', async () => {
    const to = aPhone()
    const first = await ask(agent, 'POST', '/messages/send', { to, channel: 'sms', body: 'one' })
    const id = first.body.data.conversationId
    const line = await ThreadLine.open(agent, id)
    for (const frame of ['a', 'a', 'b'])
      line.send('message.send', frame, { clientMessageId: 'c1', body: 'two' })
    const acks = await Promise.all(['a', 'b'].map((frame) => line.ack(frame)))
    expect(new Set(acks.map(({ data }) => data.seq)).size).toBe(1)
    await eventually(async () =>
      expect((await texts(to)).map(({ body }) => body)).toEqual(['two', 'one']),
    )
    const customer = await aUser('user')
    expect((await ask(customer, 'POST', `/conversations/${id}/ticket`)).status).toBe(404)
  })

  test('closes to one who had only to answer, when it is given to another', async () => {
    const { id } = await aChat()
    const supervisor = await aUser('supervisor')
    const assign = (agentId: string) =>
      ask(supervisor, 'POST', `/conversations/${id}/assign`, { agentId })
    // Of a role that writes to its own customers and does not see the others'.
    const principal = {
      kind: 'user',
      id: newId(),
      sessionId: newId(),
      permissions: ['conversations:write'],
      issuedAt: Date.now(),
      expiresAt: Date.now() + 900_000,
    } as unknown as Principal
    const conversation = testEnv.CONVERSATION.getByName(id) as unknown as ConversationApi
    expect(await conversation.issueTicket(principal)).toMatchObject({ ok: false })
    await assign(principal.id)
    const issued = await conversation.issueTicket(principal)
    if (!issued.ok) throw new Error(issued.error.code)
    const offered = `menagerie.v1, ticket.${issued.value.ticket}`
    const { webSocket } = await connect(`/conversations/${id}/ws`, {
      'sec-websocket-protocol': offered,
    })
    if (webSocket === null) throw new Error('no socket')
    const closed = new Promise<number>((resolve) =>
      webSocket.addEventListener('close', ({ code }) => resolve(code)),
    )
    webSocket.accept()
    await assign(newId())
    expect(await closed).toBe(4403)
  })

  test('needs a ticket of this conversation', async () => {
    const [one, other] = await Promise.all([aChat(), aChat()])
    const { body } = await ask(one.customer, 'POST', `/conversations/${one.id}/ticket`)
    expect(body.data.url).toBe(`ws://localhost:9/conversations/${one.id}/ws`)
    const offered = `menagerie.v1, ticket.${body.data.ticket}`
    const response = await connect(`/conversations/${other.id}/ws`, {
      'sec-websocket-protocol': offered,
    })
    expect(response.status).toBe(401)
  })
})
