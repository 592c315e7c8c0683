import type { Principal } from '@menagerie/core'
import type { ClientFrame } from '../journal/index.ts'
import type { JournalSockets } from '../journal/sockets/journal-sockets.ts'
import { type FrameAnswer, refuse } from './call-frames.ts'
import { hasEnded, participantOf } from './call-phase.ts'
import type { CallState } from './call-types.ts'
import { isSignal, readSignal, type SignalType } from './signals.ts'

/** What is passed on to others and kept nowhere: signals between devices, and who is typing. */
export interface RelayHost {
  sockets: JournalSockets
  /** A device of that participant's signals where none was known, or the one before is gone. */
  takeOver: (participantId: string, connectionId: string) => void
}

export const isRelayed = (type: string): boolean => type === 'typing' || isSignal(type)

/** Passes a frame on; nothing is answered but a refusal. */
export function relay(
  host: RelayHost,
  state: CallState,
  principal: Principal,
  frame: ClientFrame,
  connectionId: string,
): FrameAnswer | undefined {
  return isSignal(frame.type)
    ? signal(host, state, principal, { type: frame.type, data: frame.data }, connectionId)
    : typing(host, state, principal, frame)
}

function signal(
  { sockets, takeOver }: RelayHost,
  state: CallState,
  principal: Principal,
  frame: { type: SignalType; data: ClientFrame['data'] },
  connectionId: string,
): FrameAnswer | undefined {
  const read = readSignal(state, principal.id, frame)
  if (!read.ok) return refuse(read.error.code, read.error.detail)
  const { from, to, data } = read.value
  if (from.connectionId !== connectionId) {
    if (from.connectionId !== null && sockets.has(from.connectionId))
      return refuse('conflict', 'Another of your devices is in the call')
    takeOver(from.id, connectionId)
  }
  const passed = { type: frame.type, data }
  if (to.connectionId !== null && sockets.sendTo(to.connectionId, passed)) return undefined
  const reached = sockets.broadcast(passed, { to: ({ id }) => id === to.address })
  return reached > 0 ? undefined : refuse('not_found', 'They have no device here now')
}

function typing(
  { sockets }: RelayHost,
  state: CallState,
  principal: Principal,
  frame: ClientFrame,
): FrameAnswer | undefined {
  if (Object.keys(frame.data).length > 0) return refuse('validation_failed', 'typing takes no data')
  if (hasEnded(state)) return refuse('conflict', 'The call has ended')
  const from = participantOf(state, principal.id)
  if (from?.state !== 'joined') return refuse('forbidden', 'This is for those who are in the call')
  sockets.broadcast(
    { type: 'typing', data: { from: from.id } },
    { to: ({ id }) => id !== principal.id },
  )
  return undefined
}
