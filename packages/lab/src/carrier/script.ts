import { randomBytes } from 'node:crypto'
import type { LabCall, LabDial } from './lab-call.ts'
import { type Act, actsOf } from './people.ts'
import type { Dial } from './twiml.ts'

/** A voice says some three words a second. */
const WORD_MS = 330
/** A key's tone, and the silence that `w` stands for. */
const KEY_MS = 150
const HALF_SECOND_MS = 500

/** Somebody's browser: rings, and is taken at once. */
const browser: readonly Act[] = [
  { afterMs: 100, status: 'ringing' },
  { afterMs: 100, status: 'in-progress' },
]

/** What comes of a call's document for now. */
export type Turn =
  /** Nothing before that moment; `null`: nothing by itself. */
  | { next: 'wait'; until: number | null }
  /** Ask an address what comes next. */
  | { next: 'ask'; url: string; more: [string, string][] }
  | { next: 'end' }

/**
 * Does what a call's document says, as far as it is time to. People act faster by `speed`; what the customer gave a
 * length keeps it.
 *
 * @param answered told when a dialled phone is answered whose customer wants to know
 */
export function play(
  call: LabCall,
  now: number,
  speed: number,
  answered: (url: string, dial: LabDial) => void,
): Turn {
  for (;;) {
    if (call.dial !== null) {
      const turn = goOnDialling(call, call.dial, now, speed, answered)
      if (turn !== undefined) return turn
      continue
    }
    if (call.verbUntil !== null && now < call.verbUntil)
      return { next: 'wait', until: call.verbUntil }
    call.verbUntil = null
    const [verb] = call.script
    if (verb === undefined || verb.type === 'hangup') return { next: 'end' }
    if (verb.type === 'stay') return { next: 'wait', until: null }
    call.script = call.script.slice(1)
    switch (verb.type) {
      case 'say':
        call.verbUntil = now + (verb.words * WORD_MS) / speed
        break
      case 'pause':
        call.verbUntil = now + verb.seconds * 1000
        break
      case 'play':
        call.heard += verb.digits
        call.verbUntil = now + lengthOf(verb.digits) / speed
        break
      case 'dial':
        call.dial = begin(verb, now, speed)
        break
      case 'redirect':
        return { next: 'ask', url: verb.url, more: [] }
    }
  }
}

const lengthOf = (digits: string): number =>
  [...digits].reduce((sum, key) => sum + (key === 'w' ? HALF_SECOND_MS : KEY_MS), 0)

function actsOfDial({ kind, to }: Dial): readonly Act[] {
  if (kind === 'conference') return []
  return kind === 'client' ? browser : actsOf(to)
}

function begin(verb: Dial, now: number, speed: number): LabDial {
  const timeoutAt = now + verb.timeoutSeconds * 1000
  const sid = `CA${randomBytes(16).toString('hex')}`
  // Whoever comes first to a conference waits there.
  const answeredAt = verb.kind === 'conference' ? now : null
  const dial: LabDial = { ...verb, sid, act: 0, actAt: null, timeoutAt, answeredAt }
  plan(dial, now, speed)
  return dial
}

function plan(dial: LabDial, now: number, speed: number): void {
  const act = actsOfDial(dial)[dial.act]
  if (act !== undefined) dial.actAt = now + act.afterMs / speed
  else dial.actAt = null
}

/** `undefined` once it is over and the document goes on. */
function goOnDialling(
  call: LabCall,
  dial: LabDial,
  now: number,
  speed: number,
  answered: (url: string, dial: LabDial) => void,
): Turn | undefined {
  if (dial.answeredAt === null && now >= dial.timeoutAt) return over(call, dial, 'no-answer', now)
  if (dial.actAt === null || now < dial.actAt) {
    const due = [dial.actAt, dial.answeredAt === null ? dial.timeoutAt : null]
    const times = due.filter((at) => at !== null)
    return { next: 'wait', until: times.length === 0 ? null : Math.min(...times) }
  }
  const status = actsOfDial(dial)[dial.act]?.status ?? 'failed'
  dial.act += 1
  plan(dial, now, speed)
  if (status === 'in-progress') {
    dial.answeredAt = now
    if (dial.answeredUrl !== null) answered(dial.answeredUrl, dial)
  }
  return ['initiated', 'ringing', 'in-progress'].includes(status)
    ? undefined
    : over(call, dial, status, now)
}

/** A conference is over: the call goes on with what comes next, now where nobody is to be asked. */
export const conferenceOver = (call: LabCall, dial: LabDial, now: number): Turn =>
  over(call, dial, 'answered', now) ?? { next: 'wait', until: now }

/** The dialled phone is not there any more: the caller hears what comes next. */
function over(call: LabCall, dial: LabDial, status: string, now: number): Turn | undefined {
  call.dial = null
  if (dial.action === null) return undefined
  const talked = dial.answeredAt === null ? 0 : Math.round((now - dial.answeredAt) / 1000)
  return {
    next: 'ask',
    url: dial.action,
    more: [
      ['DialCallSid', dial.sid],
      ['DialCallStatus', status],
      ...(dial.answeredAt === null
        ? []
        : ([['DialCallDuration', String(talked)]] as [string, string][])),
    ],
  }
}
