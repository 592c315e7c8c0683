import { PatchTwinRequest } from '@menagerie/contracts'
import type { Result } from '@menagerie/core'
import type { ClientFrame } from '../journal/index.ts'
import { details } from './twin-errors.ts'
import type { DeviceTwinError } from './twin-types.ts'

export type FrameAnswer =
  | { type: 'ack'; seq: number }
  | { type: 'error'; code: string; detail: string }

/** Answers a frame of a client: the number its write got, or why not. */
export function answerFrame(
  frame: ClientFrame,
  patch: (request: PatchTwinRequest) => Result<{ seq: number }, DeviceTwinError>,
): FrameAnswer {
  if (frame.type === 'command.send')
    return refuse('not_implemented', `${frame.type} is not built yet`)
  if (frame.type !== 'twin.patch')
    return refuse('invalid_request', `A device does not know frames of type ${frame.type}`)
  const request = PatchTwinRequest.safeParse(frame.data)
  if (!request.success) return refuse('validation_failed', 'twin.patch needs {desired, version?}')
  const patched = patch(request.data)
  if (patched.ok) return { type: 'ack', seq: patched.value.seq }
  const { error } = patched
  return refuse(error.code, error.code === 'validation_failed' ? error.detail : details[error.code])
}

const refuse = (code: string, detail: string): FrameAnswer => ({ type: 'error', code, detail })
