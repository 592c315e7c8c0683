import { freeText } from '@menagerie/contracts'
import { z } from 'zod'
import type { ClientFrame } from '../journal/index.ts'
import type { FrameAnswer } from '../shared/socket-object.ts'
import type { ConversationError } from './conversation-api.ts'

const SendData = z.strictObject({
  clientMessageId: z.string().min(1).max(255),
  body: freeText(10_000),
})
const ReadData = z.strictObject({ seq: z.number().int().min(0) })
const TypingData = z.strictObject({})

/** What a client says over a conversation's socket. */
export type ConversationFrame =
  | { type: 'message.send'; data: z.infer<typeof SendData> }
  | { type: 'message.read'; data: z.infer<typeof ReadData> }
  | { type: 'typing' }

/** A frame that a conversation knows, or what is wrong with it. */
export function readFrame({ type, data }: ClientFrame): ConversationFrame | FrameAnswer {
  switch (type) {
    case 'message.send': {
      const read = SendData.safeParse(data)
      if (read.success) return { type, data: read.data }
      return refuse('validation_failed', 'message.send needs {clientMessageId, body}')
    }
    case 'message.read': {
      const read = ReadData.safeParse(data)
      if (read.success) return { type, data: read.data }
      return refuse('validation_failed', 'message.read needs {seq}')
    }
    case 'typing':
      if (TypingData.safeParse(data).success) return { type }
      return refuse('validation_failed', 'typing takes no data')
  }
  return refuse('invalid_request', `A conversation does not know frames of type ${type}`)
}

export const details: Record<ConversationError['code'], string> = {
  not_found: 'There is no such conversation',
  forbidden: 'This needs the permission conversations:write',
  conflict: 'The conversation is resolved',
  other_channel: 'The conversation is on another channel',
  no_number: 'This deployment has no number to send from',
  idempotency_mismatch: 'The id was used for another message',
  payload_too_large: 'The message is too large',
  overloaded: 'Try again in a moment',
  storage_full: 'The conversation cannot keep more',
}

/** The code that a frame is answered with. */
export function refusalOf({ code }: ConversationError): FrameAnswer {
  switch (code) {
    case 'other_channel':
      return refuse('validation_failed', details[code])
    case 'no_number':
      return refuse('unavailable', details[code])
    default:
      return refuse(code, details[code])
  }
}

export const refuse = (code: string, detail: string) => ({ type: 'error', code, detail }) as const
