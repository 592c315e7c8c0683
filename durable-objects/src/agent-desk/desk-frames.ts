import { Id, SetActivityRequest } from '@menagerie/contracts'
import type { Principal, Result } from '@menagerie/core'
import { z } from 'zod'
import type { ClientFrame } from '../journal/index.ts'
import type { FrameAnswer } from '../shared/socket-object.ts'
import type { DeskInput } from './desk-state-types.ts'
import type { AgentDeskError } from './desk-types.ts'
import { mayServe } from './who-is-here.ts'

const ReservationData = z.strictObject({ id: Id })

/** Takes what a frame asks for; gives the number of its write. */
type Take = (input: DeskInput) => Result<{ seq: number }, AgentDeskError>

/** Answers a frame of the agent's: the number its write got, or why not. */
export function answerFrame(
  principal: Principal,
  frame: ClientFrame,
  connectionId: string,
  take: Take,
): FrameAnswer {
  const read = readFrame(frame, connectionId)
  if ('code' in read) return { type: 'error', ...read }
  if (!mayServe(principal)) return { type: 'error', code: 'forbidden', detail: details.forbidden }
  const taken = take(read.input)
  if (taken.ok) return { type: 'ack', seq: taken.value.seq }
  const { code } = taken.error
  if (code === 'conflict' && read.input.type === 'choose')
    return {
      type: 'error',
      code: 'validation_failed',
      detail: 'after-contact-work follows a contact by itself and cannot be chosen',
    }
  return { type: 'error', code, detail: details[code] }
}

function readFrame(
  { type, data }: ClientFrame,
  connectionId: string,
): { input: DeskInput } | { code: string; detail: string } {
  switch (type) {
    case 'agent.activity': {
      const read = SetActivityRequest.safeParse(data)
      return read.success
        ? { input: { type: 'choose', name: read.data.name } }
        : { code: 'validation_failed', detail: 'agent.activity needs {name}, an activity' }
    }
    case 'reservation.accept':
    case 'reservation.reject': {
      const read = ReservationData.safeParse(data)
      if (!read.success) return { code: 'validation_failed', detail: `${type} needs {id}` }
      const reservationId = read.data.id
      return type === 'reservation.accept'
        ? { input: { type: 'accept', reservationId, connectionId } }
        : { input: { type: 'reject', reservationId } }
    }
  }
  return { code: 'invalid_request', detail: `A desk does not know frames of type ${type}` }
}

const details: Record<AgentDeskError['code'], string> = {
  not_found: 'There is no such reservation',
  forbidden: 'This needs the permission agents:self',
  conflict: 'The reservation has ended',
  idempotency_mismatch: 'The id was used for another frame',
  payload_too_large: 'The frame is too large',
  too_many_requests: 'Try again in a moment',
  overloaded: 'Try again in a moment',
  storage_full: 'The desk cannot keep more',
}
