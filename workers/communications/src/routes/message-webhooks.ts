import type { OpenAPIHono } from '@hono/zod-openapi'
import { Id } from '@menagerie/contracts'
import { webhooks } from '@menagerie/contracts/routes'
import { AppError, fieldErrors, idFromKey } from '@menagerie/core'
import { conversationIdOf } from '@menagerie/durable-objects/conversation'
import type { z } from 'zod'
import { readInboundForm, readMessageStatusForm } from '../carriers/twilio/messages.ts'
import { signedFields } from '../carriers/twilio/signed-fields.ts'
import type { App } from '../context.ts'
import { conversationContext, conversationOf, conversationValue } from '../conversations.ts'

/** TwiML that answers nothing: what we say goes out as a message of its own. */
const NO_ANSWER = '<?xml version="1.0" encoding="UTF-8"?><Response/>'

/** What the carrier tells of messages; its signature stands for a token. */
export function messageWebhookRoutes(app: OpenAPIHono<App>): void {
  app.post(webhooks.message.path, async (c) => {
    const { channel, sid, ...text } = valid(readInboundForm(await signedFields(c)))
    const conversationId = await conversationIdOf(channel, text.from)
    // The same webhook again is the same message.
    const id = await idFromKey('carrier', 'twilio message', sid)
    const inbound = { id, conversationId, channel, sid, ...text }
    const conversation = conversationOf(c.env, conversationId)
    conversationValue(await conversation.receive(inbound, conversationContext(c)))
    return c.body(NO_ANSWER, 200, { 'content-type': 'text/xml; charset=utf-8' })
  })

  app.post(webhooks.messageStatus.path, async (c) => {
    const report = valid(readMessageStatusForm(await signedFields(c)))
    const conversationId = Id.safeParse(c.req.query('conversationId'))
    const messageId = Id.safeParse(c.req.query('messageId'))
    if (!conversationId.success || !messageId.success)
      throw new AppError('not_found', 'There is no such message')
    const conversation = conversationOf(c.env, conversationId.data)
    conversationValue(
      await conversation.messageStatus(messageId.data, report, conversationContext(c)),
    )
    return c.body(null, 204)
  })
}

function valid<T>(read: { ok: true; value: T } | { ok: false; issues: z.core.$ZodIssue[] }): T {
  if (read.ok) return read.value
  throw new AppError('validation_failed', 'The webhook has fields that are not valid', {
    errors: fieldErrors(read.issues, 'form'),
  })
}
