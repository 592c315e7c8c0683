import {
  CallCommandRequest,
  DtmfRequest,
  freeText,
  TransferCallRequest,
} from '@menagerie/contracts'
import { err, ok, type Result } from '@menagerie/core'
import { z } from 'zod'
import type { ClientFrame } from '../journal/index.ts'
import type { CallCommand } from './call-inputs.ts'
import type { CallRoomError } from './room-types.ts'

export type FrameAnswer =
  | { type: 'ack'; seq: number }
  | { type: 'error'; code: string; detail: string }

const Mute = z.strictObject({ muted: z.boolean().default(true) })
const Message = z.strictObject({
  clientMessageId: z.string().min(1).max(128),
  body: freeText(4000),
})
const Read = z.strictObject({ seq: z.number().int().min(1) })

/** A frame's data as a command; the schemas are those of the routes where there is one. */
const readers = {
  'call.answer': plain('answer'),
  'call.reject': plain('reject'),
  'call.hangup': plain('hangup'),
  'call.hold': plain('hold'),
  'call.resume': plain('resume'),
  'call.transfer': (data) =>
    parsed(TransferCallRequest, data, (asked) => ({ type: 'transfer', ...asked })),
  'call.dtmf': (data) => parsed(DtmfRequest, data, (asked) => ({ type: 'dtmf', ...asked })),
  'call.mute': (data) => parsed(Mute, data, (asked) => ({ type: 'mute', ...asked })),
  'message.send': (data) => parsed(Message, data, (asked) => ({ type: 'message', ...asked })),
  'message.read': (data) => parsed(Read, data, (asked) => ({ type: 'read', ...asked })),
} as const satisfies Record<string, (data: unknown) => CallCommand | undefined>

function plain(type: 'answer' | 'reject' | 'hangup' | 'hold' | 'resume') {
  return (data: unknown) =>
    parsed(CallCommandRequest, data, (asked): CallCommand => ({ type, ...asked }))
}

function parsed<T>(
  schema: z.ZodType<T>,
  data: unknown,
  to: (value: T) => CallCommand,
): CallCommand | undefined {
  const read = schema.safeParse(data)
  return read.success ? to(read.data) : undefined
}

/** What a client's frame commands. */
export function readCommand(
  frame: ClientFrame,
): Result<CallCommand, { code: string; detail: string }> {
  if (!Object.hasOwn(readers, frame.type))
    return err({
      code: 'invalid_request',
      detail: `A call does not know frames of type ${frame.type}`,
    })
  const command = readers[frame.type as keyof typeof readers](frame.data)
  if (command !== undefined) return ok(command)
  return err({
    code: 'validation_failed',
    detail: `${frame.type} has data that is missing or not valid`,
  })
}

/** A refusal as the frame that a client gets. */
export const toErrorFrame = (error: CallRoomError): FrameAnswer =>
  refuse(error.code, ('detail' in error ? error.detail : undefined) ?? details[error.code])

export const refuse = (code: string, detail: string): FrameAnswer => ({
  type: 'error',
  code,
  detail,
})

const details: Record<CallRoomError['code'], string> = {
  not_found: 'There is no such call',
  forbidden: 'This needs the permission calls:write',
  conflict: 'The call has ended',
  validation_failed: 'The frame is not valid',
  idempotency_mismatch: 'The id was used for another frame',
  payload_too_large: 'The frame is too large',
  too_many_requests: 'Try again later',
  overloaded: 'Try again in a moment',
  storage_full: 'The call cannot keep more',
}
