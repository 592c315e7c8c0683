import type { Result } from '@menagerie/core'
import type { ClientFrame } from '../journal/index.ts'
import type { CallRoomError } from './room-types.ts'

export type FrameAnswer =
  | { type: 'ack'; seq: number }
  | { type: 'error'; code: string; detail: string }

/** Frames of contract §4 that a call will take once their part is built. */
const unbuilt: ReadonlySet<string> = new Set([
  'call.answer',
  'call.reject',
  'call.hold',
  'call.resume',
  'call.transfer',
  'call.mute',
  'call.dtmf',
  'signal.offer',
  'signal.answer',
  'signal.candidate',
  'message.send',
  'message.read',
  'typing',
])

type Hangup = () => Result<
  { outcome: { accepted: true; seq: number } | { accepted: false } },
  CallRoomError
>

/** Answers a frame of a client: the number its write got, or why not. */
export function answerFrame(frame: ClientFrame, hangup: Hangup): FrameAnswer {
  if (unbuilt.has(frame.type)) return refuse('not_implemented', `${frame.type} is not built yet`)
  if (frame.type !== 'call.hangup')
    return refuse('invalid_request', `A call does not know frames of type ${frame.type}`)
  if (Object.keys(frame.data).length > 0)
    return refuse('validation_failed', 'call.hangup takes no data')
  const hungUp = hangup()
  if (!hungUp.ok) return refuse(hungUp.error.code, details[hungUp.error.code])
  const { outcome } = hungUp.value
  return outcome.accepted
    ? { type: 'ack', seq: outcome.seq }
    : refuse('conflict', 'The call has ended')
}

const details: Record<CallRoomError['code'], string> = {
  not_found: 'There is no such call',
  forbidden: 'This needs the permission calls:write',
  conflict: 'The call has ended',
  idempotency_mismatch: 'The id was used for another frame',
  payload_too_large: 'The frame is too large',
  overloaded: 'Try again in a moment',
  storage_full: 'The call cannot keep more',
}

const refuse = (code: string, detail: string): FrameAnswer => ({ type: 'error', code, detail })
