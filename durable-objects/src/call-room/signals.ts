import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import { z } from 'zod'
import type { Refusal } from './call-inputs.ts'
import { hasEnded, participantOf } from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'

/** What one signal may hold: descriptions of large calls are a few KiB. */
export const MAX_SIGNAL_BYTES = 32 * 1024

const to = z.string().regex(/^p\d{1,4}$/)
const description = z.strictObject({ to, sdp: z.string().min(1) })
/** `RTCIceCandidateInit` of WebRTC 1.0 §4.8.1; an empty candidate ends them. */
const candidate = z.strictObject({
  to,
  candidate: z.string(),
  sdpMid: z.string().nullish(),
  sdpMLineIndex: z.number().int().min(0).nullish(),
  usernameFragment: z.string().nullish(),
})
const schemas = {
  'signal.offer': description,
  'signal.answer': description,
  'signal.candidate': candidate,
} as const
export type SignalType = keyof typeof schemas

export const isSignal = (type: string): type is SignalType => Object.hasOwn(schemas, type)

/** A signal on its way. Never kept, never logged. */
export interface Signal {
  from: CallParticipant
  to: CallParticipant
  /** What the receiver gets. Who sends is what we know, never what was said. */
  data: JsonObject
}

/** Reads a signal of that user's and finds its way. */
export function readSignal(
  state: CallState,
  userId: string,
  frame: { type: SignalType; data: JsonObject },
): Result<Signal, Refusal> {
  if (Buffer.byteLength(JSON.stringify(frame.data)) > MAX_SIGNAL_BYTES)
    return err({ code: 'validation_failed', detail: 'A signal is at most 32 KiB' })
  const parsed = schemas[frame.type].safeParse(frame.data)
  if (!parsed.success)
    return err({ code: 'validation_failed', detail: `${frame.type} has fields that are not valid` })
  if (hasEnded(state)) return err({ code: 'conflict', detail: 'The call has ended' })
  const from = participantOf(state, userId)
  if (from?.state !== 'joined')
    return err({ code: 'forbidden', detail: 'This is for those who are in the call' })
  const { to: target, ...content } = parsed.data
  const receiver = state.participants.find(({ id }) => id === target)
  if (receiver?.kind !== 'user' || receiver.state !== 'joined' || receiver.id === from.id)
    return err({ code: 'not_found', detail: 'There is no such user in the call' })
  return ok({ from, to: receiver, data: { from: from.id, ...content } as JsonObject })
}
