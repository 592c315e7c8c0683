import { hasEnded, type LabCall, type LabDial, type LabStatus } from './lab-call.ts'

type Fields = [string, string][]

/** Names of `StatusCallbackEvent` for each status. */
export const eventOf: Readonly<Record<LabStatus, string>> = {
  queued: 'queued',
  initiated: 'initiated',
  ringing: 'ringing',
  'in-progress': 'answered',
  completed: 'completed',
  busy: 'completed',
  failed: 'completed',
  'no-answer': 'completed',
  canceled: 'completed',
}

/** What every webhook about a call says, and more; what is said twice is said as in `more`. */
export function webhookForm(call: LabCall, accountSid: string, more: Fields): Fields {
  const own = new Set(more.map(([name]) => name))
  const common: Fields = [
    ['AccountSid', accountSid],
    ['ApiVersion', '2010-04-01'],
    ['CallSid', call.sid],
    ['CallStatus', call.status],
    ['Direction', call.direction],
    ['From', call.from],
    ['To', call.to],
  ]
  return [...common.filter(([name]) => !own.has(name)), ...more]
}

/** What a status webhook says beside that. */
export function progressForm(
  call: LabCall,
  sequence: number,
  now: number,
  sipResponseCode: string | undefined,
): Fields {
  const { answeredAt, endedAt } = call
  const talked =
    answeredAt === null || endedAt === null ? 0 : Math.round((endedAt - answeredAt) / 1000)
  return [
    ['SequenceNumber', String(sequence)],
    ['Timestamp', new Date(now).toUTCString()],
    ['CallbackSource', 'call-progress-events'],
    ...(hasEnded(call) ? ([['CallDuration', String(talked)]] as Fields) : []),
    ...(sipResponseCode ? ([['SipResponseCode', sipResponseCode]] as Fields) : []),
  ]
}

/** What is told when a phone answers that a call has dialled: it is a call of its own. */
export const dialForm = (call: LabCall, dial: LabDial): Fields => [
  ['CallSid', dial.sid],
  ['ParentCallSid', call.sid],
  ['CallStatus', 'in-progress'],
  ['Direction', 'outbound-dial'],
  ['To', dial.to],
  ['SequenceNumber', '0'],
  ['CallbackSource', 'call-progress-events'],
]
