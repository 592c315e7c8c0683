import { PatchTwinRequest, SendCommandRequest } from '@menagerie/contracts'
import { err, type Result } from '@menagerie/core'
import type { ClientFrame } from '../journal/index.ts'
import { payloadFault } from './commands/payload-fault.ts'
import { patchFault } from './document/twin-document.ts'
import { isObject } from './json-limits.ts'
import { details, invalidPatch } from './twin-errors.ts'
import type { DeviceTwinError } from './twin-types.ts'

export type FrameAnswer =
  | { type: 'ack'; seq: number }
  | { type: 'error'; code: string; detail: string }

/**
 * Answers a frame of a client: the number its write got, or why not. Faults are looked for in what was sent, and not in
 * what a schema made of it: that leaves out a member named __proto__.
 */
export function answerFrame(
  frame: ClientFrame,
  patch: (request: PatchTwinRequest) => Written,
  send: (request: SendCommandRequest) => Written,
): FrameAnswer {
  switch (frame.type) {
    case 'twin.patch': {
      const request = PatchTwinRequest.safeParse(frame.data)
      const { desired } = frame.data
      const fault = isObject(desired) ? patchFault(desired) : undefined
      if (fault !== undefined) return answerOf(err(invalidPatch(fault)))
      return request.success
        ? answerOf(patch(request.data))
        : refuse('validation_failed', 'twin.patch needs {desired, version?}')
    }
    case 'command.send': {
      const request = SendCommandRequest.safeParse(frame.data)
      const fault = payloadFault(frame.data.payload ?? {})
      if (fault !== undefined) return answerOf(err(fault))
      return request.success
        ? answerOf(send(request.data))
        : refuse(
            'validation_failed',
            'command.send needs {name, payload?, timeoutSeconds?, ttlSeconds?, atMostOnce?}',
          )
    }
    default:
      return refuse('invalid_request', `A device does not know frames of type ${frame.type}`)
  }
}

type Written = Result<{ seq: number }, DeviceTwinError>

function answerOf(written: Written): FrameAnswer {
  if (written.ok) return { type: 'ack', seq: written.value.seq }
  const { error } = written
  return refuse(error.code, error.code === 'validation_failed' ? error.detail : details[error.code])
}

const refuse = (code: string, detail: string): FrameAnswer => ({ type: 'error', code, detail })
