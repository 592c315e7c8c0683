import type { OpenAPIHono } from '@hono/zod-openapi'
import { Id } from '@menagerie/contracts'
import { webhooks } from '@menagerie/contracts/routes'
import { AppError, fieldErrors, idFromKey } from '@menagerie/core'
import type {
  CarrierQuestion,
  CarrierWebhook,
  DialOutcome,
} from '@menagerie/durable-objects/call-room'
import type { Context } from 'hono'
import type { z } from 'zod'
import { signedFields } from '../carriers/twilio/signed-fields.ts'
import { readStatusForm } from '../carriers/twilio/status-form.ts'
import { twiml } from '../carriers/twilio/twiml.ts'
import { readDial, readIncoming } from '../carriers/twilio/voice-form.ts'
import { type App, settingsOf } from '../context.ts'
import { flowOfNumber } from '../db/flows.ts'
import { contextOf, orThrow, roomOf } from '../rooms.ts'

/** What the carrier tells and asks; its signature stands for a token. */
export function webhookRoutes(app: OpenAPIHono<App>): void {
  app.post(webhooks.voiceStatus.path, async (c) => {
    const form = await signedFields(c)
    const webhook = { ...valid(readStatusForm(form)), ...knownLeg(c) }
    const room = roomOf(c.env, knownCall(c) ?? (await incomingId(webhook.report.callSid)))
    const participant = c.req.query('participant')
    if (participant === undefined) orThrow(await room.carrierStatus(webhook, contextOf(c)))
    else {
      // Of a phone that the call has dialled, a call of its own: as the room's it would be one that nobody asked for.
      const dial = readDial(form, participant)
      const parentSid = form.get('ParentCallSid')
      if (dial !== undefined && parentSid !== null)
        orThrow(await room.ask(ofParent(webhook, parentSid, dial), contextOf(c)))
    }
    return c.body(null, 204)
  })

  app.post(webhooks.voice.path, async (c) => {
    const form = await signedFields(c)
    const callId = knownCall(c)
    return callId === undefined ? answerIncoming(c, form) : answerKnown(c, form, callId)
  })
}

/** A call that comes in: the flow of the called number says how it begins. */
async function answerIncoming(c: Context<App>, form: URLSearchParams) {
  const call = valid(readIncoming(form))
  const id = await incomingId(call.callSid)
  const flow = await flowOfNumber(c.env.DB, call.to)
  const asked = { id, ...call, flow: flow === null ? null : { id: flow.id, steps: flow.steps } }
  return answer(c, id, orThrow(await roomOf(c.env, id).receive(asked, contextOf(c))))
}

async function answerKnown(c: Context<App>, form: URLSearchParams, callId: string) {
  const webhook = { ...valid(readStatusForm(form)), ...knownLeg(c) }
  const dial = readDial(form, c.req.query('participant'))
  const question = { webhook, ...(dial === undefined ? {} : { dial }) }
  const told = orThrow(await roomOf(c.env, callId).ask(question, contextOf(c)))
  return answer(c, callId, told, webhook.leg)
}

/** A participant's phone was answered, or not: news of the call that dialled it, which goes on. */
const ofParent = (
  { report, sequence }: CarrierWebhook,
  callSid: string,
  dial: DialOutcome,
): CarrierQuestion => ({
  webhook: {
    report: { callSid, status: 'in-progress', rejected: false, durationSeconds: null },
    sequence: `${report.callSid}:${sequence}`,
  },
  dial,
})

const answer = (
  c: Context<App>,
  callId: string,
  instructions: Parameters<typeof twiml>[0],
  leg?: string,
) =>
  c.body(twiml(instructions, { publicUrl: settingsOf(c.env).PUBLIC_URL, callId, leg }), 200, {
    'content-type': 'text/xml; charset=utf-8',
  })

/**
 * The call that the address names; `undefined` where it names none, as with calls that come in.
 *
 * @throws AppError `not_found` for what is no call's id
 */
function knownCall(c: Context<App>): string | undefined {
  const named = c.req.query('callId')
  if (named === undefined) return undefined
  const callId = Id.safeParse(named)
  if (!callId.success) throw new AppError('not_found', 'There is no such call')
  return callId.data
}

/**
 * Which of the room's calls the address names, where that is not the first. One that the room does not know is hung up.
 *
 * @throws AppError `not_found` for what is no leg's id
 */
function knownLeg(c: Context<App>): { leg?: string } {
  const leg = c.req.query('leg')
  if (leg === undefined) return {}
  if (!/^l[1-9]\d{0,5}$/.test(leg)) throw new AppError('not_found', 'There is no such call')
  return { leg }
}

/** A call that came in has the same room, however often the carrier tells of it. */
const incomingId = (callSid: string): Promise<string> =>
  idFromKey('carrier', 'twilio voice', callSid)

function valid<T>(read: { ok: true; value: T } | { ok: false; issues: z.core.$ZodIssue[] }): T {
  if (read.ok) return read.value
  throw new AppError('validation_failed', 'The webhook has fields that are not valid', {
    errors: fieldErrors(read.issues, 'form'),
  })
}
