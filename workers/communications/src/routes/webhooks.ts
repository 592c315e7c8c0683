import type { OpenAPIHono } from '@hono/zod-openapi'
import { Id, isTerminal } from '@menagerie/contracts'
import { webhooks } from '@menagerie/contracts/routes'
import { AppError, fieldErrors } from '@menagerie/core'
import type { CarrierWebhook } from '@menagerie/durable-objects/call-room'
import type { Context } from 'hono'
import { isSignedByTwilio } from '../carriers/twilio/signature.ts'
import { readStatusForm } from '../carriers/twilio/status-form.ts'
import { twiml } from '../carriers/twilio/twiml.ts'
import { type App, settingsOf } from '../context.ts'
import { contextOf, orThrow, roomOf } from '../rooms.ts'

const MAX_BODY_BYTES = 64 * 1024

/** What the carrier tells and asks; its signature stands for a token. */
export function webhookRoutes(app: OpenAPIHono<App>): void {
  app.post(webhooks.voiceStatus.path, async (c) => {
    await take(c)
    return c.body(null, 204)
  })

  app.post(webhooks.voice.path, async (c) => {
    const status = await take(c)
    return c.body(twiml(!isTerminal(status)), 200, { 'content-type': 'text/xml; charset=utf-8' })
  })
}

/** Checks a webhook, hands it to its call's room and returns where the call stands then. */
async function take(c: Context<App>) {
  const webhook = readForm(await signedForm(c))
  const callId = Id.safeParse(c.req.query('callId'))
  if (!callId.success) throw new AppError('not_found', 'There is no such call')
  const room = roomOf(c.env, callId.data)
  return orThrow(await room.carrierStatus(webhook, contextOf(c)))
}

async function signedForm(c: Context<App>): Promise<URLSearchParams> {
  const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/x-www-form-urlencoded')
    throw new AppError('unsupported_media_type', 'Send application/x-www-form-urlencoded')
  const body = await c.req.arrayBuffer()
  if (body.byteLength > MAX_BODY_BYTES)
    throw new AppError('payload_too_large', 'The body is too large')
  const form = new URLSearchParams(new TextDecoder().decode(body))
  const { CARRIER_AUTH_TOKEN, PUBLIC_URL } = settingsOf(c.env)
  // The address that we handed out, never what the `Host` header says.
  const url = `${PUBLIC_URL.replace(/\/$/, '')}${c.req.path}${new URL(c.req.url).search}`
  const signature = c.req.header('x-twilio-signature')
  if (!(await isSignedByTwilio(CARRIER_AUTH_TOKEN, url, form, signature)))
    throw new AppError('invalid_signature', 'The signature is not that of our carrier')
  return form
}

function readForm(form: URLSearchParams): CarrierWebhook {
  const read = readStatusForm(form)
  if (read.ok) return read.value
  throw new AppError('validation_failed', 'The webhook has fields that are not valid', {
    errors: fieldErrors(read.issues, 'form'),
  })
}
