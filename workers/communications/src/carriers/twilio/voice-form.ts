import type { DialOutcome, IncomingCall } from '@menagerie/durable-objects/call-room'
import { z } from 'zod'

/** How a `<Dial>` that is over went (twilio.com/docs/voice/twiml/dial#dialcallstatus). */
const DialCallStatus = z.enum([
  'answered',
  'in-progress',
  'completed',
  'busy',
  'no-answer',
  'failed',
  'canceled',
])
const ParticipantId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)

const E164 = /^\+[1-9]\d{6,14}$/
/** Words on a telephone's keys, which Twilio sends for who does not show a number: ANONYMOUS, RESTRICTED and so on. */
const NOBODYS = new Set(['+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253'])

const IncomingForm = z.object({
  CallSid: z.string().regex(/^[A-Za-z0-9]{1,64}$/),
  From: z.string().max(256).default(''),
  To: z.string().min(1).max(256),
})

/** Who calls whom, in a voice webhook about an incoming call; the issues of its fields when it is none. */
export function readIncoming(
  form: URLSearchParams,
):
  | { ok: true; value: Pick<IncomingCall, 'callSid' | 'from' | 'to'> }
  | { ok: false; issues: z.core.$ZodIssue[] } {
  const parsed = IncomingForm.safeParse(Object.fromEntries(form))
  if (!parsed.success) return { ok: false, issues: parsed.error.issues }
  const { CallSid, From, To } = parsed.data
  return { ok: true, value: { callSid: CallSid, from: callerOf(From), to: To } }
}

/** A number that can be called back, or `anonymous`. */
const callerOf = (from: string): string =>
  E164.test(from) && !NOBODYS.has(from) ? from : 'anonymous'

/**
 * How dialling a participant goes, where the carrier asks or tells because of that: at the end of the `<Dial>` in
 * `DialCallStatus`, before it in the status of the dialled call.
 */
export function readDial(
  form: URLSearchParams,
  participant: string | undefined,
): DialOutcome | undefined {
  const participantId = ParticipantId.safeParse(participant)
  const ofChild = form.has('ParentCallSid') ? form.get('CallStatus') : null
  const status = DialCallStatus.safeParse(form.get('DialCallStatus') ?? ofChild)
  if (!participantId.success || !status.success) return undefined
  return { participantId: participantId.data, status: status.data }
}
