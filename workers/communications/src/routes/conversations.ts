import type { OpenAPIHono } from '@hono/zod-openapi'
import { conversations } from '@menagerie/contracts/routes'
import {
  data,
  guardRoutes,
  openSocket,
  type Principal,
  page,
  principalOf,
  readIdempotencyKey,
  signedList,
  socketAddress,
  verifierFor,
} from '@menagerie/core'
import {
  type Changed,
  chatCustomer,
  normalisedCustomer,
} from '@menagerie/durable-objects/conversation'
import type { Context } from 'hono'
import { type App, settingsOf } from '../context.ts'
import { conversationContext, conversationOf, conversationValue } from '../conversations.ts'
import {
  type ConversationPosition,
  type ConversationScope,
  listConversations,
} from '../db/conversations.ts'
import { sendMessage } from '../send-message.ts'
import { messageWebhookRoutes } from './message-webhooks.ts'

const guarded = guardRoutes(verifierFor('communications'))

/** Messages and the threads they belong to. */
export function conversationRoutes(app: OpenAPIHono<App>): void {
  messageWebhookRoutes(app)

  app.openapi(guarded(conversations.send), async (c) => {
    const { message, replayed } = await sendMessage(
      c.env,
      principalOf(c),
      c.req.valid('json'),
      keyOf(c),
      conversationContext(c),
    )
    if (replayed) c.header('Idempotent-Replayed', 'true')
    return c.json(data(c, message), 202)
  })

  app.openapi(guarded(conversations.list), async (c) => {
    const principal = principalOf(c)
    const { limit, cursor, customer, ...rest } = c.req.valid('query')
    const filters = {
      ...rest,
      customer: customer === undefined ? undefined : normalisedCustomer(customer),
    }
    const whose = scopeOf(principal)
    const key = settingsOf(c.env).CURSOR_KEY
    const scope = [whose.of, filters]
    const list = signedList<ConversationPosition>(c, key, 'conversations', scope)
    const after = await list.after(cursor)
    const found = await listConversations(c.env.DB, whose, filters, limit, after)
    return c.json(await list.page(found), 200)
  })

  app.openapi(guarded(conversations.get), async (c) => {
    const conversation = conversationOf(c.env, c.req.valid('param').id)
    return c.json(data(c, conversationValue(await conversation.get(principalOf(c)))), 200)
  })

  app.openapi(guarded(conversations.messages), async (c) => {
    const { id } = c.req.valid('param')
    const { beforeSeq, cursor, limit } = c.req.valid('query')
    const conversation = conversationOf(c.env, id)
    const { messages, nextBeforeSeq } = conversationValue(
      await conversation.messages(principalOf(c), cursor ?? beforeSeq ?? null, limit),
    )
    // Numbers of messages are no secret and never move: the last one of a page is its cursor.
    return c.json(page(c, messages, nextBeforeSeq?.toString()), 200)
  })

  app.openapi(guarded(conversations.ticket), async (c) => {
    const { id } = c.req.valid('param')
    const ticket = conversationValue(await conversationOf(c.env, id).issueTicket(principalOf(c)))
    const url = socketAddress(settingsOf(c.env).PUBLIC_URL, `/conversations/${id}/ws`)
    return c.json(data(c, { url, ...ticket }), 201)
  })

  app.openapi(guarded(conversations.socket), async (c) => {
    const conversation = conversationOf(c.env, c.req.valid('param').id)
    return (await openSocket(
      c,
      conversation,
      async (principal) => conversationValue(await conversation.issueTicket(principal)).ticket,
    )) as never
  })

  app.openapi(guarded(conversations.assign), async (c) => {
    const conversation = conversationOf(c.env, c.req.valid('param').id)
    const { agentId } = c.req.valid('json')
    const context = conversationContext(c)
    const changed = await conversation.assign(principalOf(c), agentId, keyOf(c) ?? null, context)
    return c.json(data(c, told(c, conversationValue(changed))), 200)
  })

  app.openapi(guarded(conversations.resolve), async (c) => {
    const conversation = conversationOf(c.env, c.req.valid('param').id)
    const context = conversationContext(c)
    const changed = await conversation.resolve(principalOf(c), keyOf(c) ?? null, context)
    return c.json(data(c, told(c, conversationValue(changed))), 200)
  })
}

const keyOf = (c: Context<App>) => readIdempotencyKey(c.req.header('idempotency-key'))

function told(c: Context<App>, { conversation, replayed }: Changed) {
  if (replayed) c.header('Idempotent-Replayed', 'true')
  return conversation
}

/** Everybody's with `conversations:read`; else those that an agent has to do with, or a customer's own. */
function scopeOf({ id, permissions }: Principal): ConversationScope {
  if (permissions.includes('conversations:read')) return { of: 'everybody' }
  if (permissions.includes('conversations:write')) return { of: 'agent', userId: id }
  return { of: 'customer', customer: chatCustomer(id) }
}
