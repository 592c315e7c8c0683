import { err, ok, type Result } from '@menagerie/core'
import { hangUp } from './call-end.ts'
import type { CallCommand, Commander, Refusal } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import {
  chain,
  chainOn,
  hasEnded,
  hasLeg,
  having,
  isFetching,
  type Move,
  order,
  participantOf,
  putOnHold,
  redirect,
  talk,
  unchanged,
  updated,
} from './call-phase.ts'
import { goes } from './call-presence.ts'
import type { CallState } from './call-types.ts'
import { redirectLegs } from './legs.ts'
import { note, update } from './participants.ts'
import { answerRing, ringFailed } from './ring-outcomes.ts'
import { isRung, stopRing } from './ringing.ts'
import { takeBack, transfer } from './transfer.ts'
import { requeue, withdraw } from './waiting.ts'

/**
 * What somebody who may see the call asks of it. A command that does not fit the call's state is a `conflict` and
 * changes nothing.
 */
export function obey(
  state: CallState,
  command: CallCommand,
  by: Commander,
  now: number,
): Result<Step, Refusal> {
  if (command.expectedStatus !== undefined && command.expectedStatus !== state.phase.status)
    return refuse('conflict', `The call is ${state.phase.status}`)
  if (command.type === 'disposition') return dispose(state, command, by)
  const no = refuseEnded(state, command) ?? refuseStranger(state, command, by)
  if (no !== undefined) return err(no)
  switch (command.type) {
    case 'answer':
      if (!isRung(state, by.userId)) return notRinging()
      return ok(answerRing(state, by.connectionId, now))
    case 'reject':
      if (!isRung(state, by.userId)) return notRinging()
      return ok(ringFailed(state, 'rejected', now))
    case 'hangup':
      return ok(putDown(state, by, now))
    case 'hold':
      if (state.phase.status !== 'in-progress' || isFetching(state))
        return refuse('conflict', 'Only a call in progress can be put on hold')
      return ok(chain(state, putOnHold(now), redirect))
    case 'resume':
      if (state.phase.status !== 'on-hold' || isFetching(state))
        return refuse('conflict', 'Only a call on hold can be taken back')
      return ok(chain(state, talk(now), redirect, redirectLegs))
    case 'transfer':
      return transfer(state, command, by, now)
    case 'dtmf':
      return tones(state, command.digits)
    case 'mute':
      return asParticipant(state, by, (id) => update(id, { muted: command.muted })(state))
    case 'remove':
      return remove(state, command.participantId, by, now)
    case 'requeue':
      if (!by.managesQueues) return refuse('forbidden', 'This needs the permission queues:write')
      if (state.contact?.waits !== true) return refuse('conflict', 'The call does not wait')
      return ok(requeue(command, now)(state))
    case 'message': {
      const { clientMessageId, body } = command
      return asParticipant(state, by, (from) => ({
        ...unchanged(state),
        events: [{ type: 'message.created', data: { clientMessageId, from, body } }],
      }))
    }
    case 'read':
      return asParticipant(state, by, (id) => read(state, id, command.seq))
  }
}

/** After the end, and while it comes, only what describes the call is taken. */
function refuseEnded(state: CallState, { type }: CallCommand): Refusal | undefined {
  if (hasEnded(state)) return { code: 'conflict', detail: 'The call has ended' }
  const fits = type === 'hangup' || type === 'mute' || type === 'message' || type === 'read'
  if (state.leg.hangup === null || fits) return undefined
  return { code: 'conflict', detail: 'The call is being ended' }
}

/** Members command their calls, until they have handed them over; supervisors every call they see. */
function refuseStranger(
  state: CallState,
  { type }: CallCommand,
  by: Commander,
): Refusal | undefined {
  if ((by.oversees && by.writes) || type === 'requeue') return undefined
  const one = participantOf(state, by.userId)
  if (one === undefined)
    return by.writes
      ? undefined
      : { code: 'forbidden', detail: 'This needs the permission calls:write' }
  if (one.state === 'joined' || one.entry === 'socket') return undefined
  if (one.entry === 'none') return { code: 'forbidden', detail: 'You have left the call' }
  // Whoever is only rung, or was, says whether they take the call, and nothing else.
  const isAnswer = type === 'answer' || type === 'reject'
  return isAnswer || (type === 'hangup' && isRung(state, by.userId))
    ? undefined
    : { code: 'forbidden', detail: 'You are not in the call' }
}

/** Ends the call; for whoever is only rung it is a refusal. */
function putDown(state: CallState, by: Commander, now: number): Step {
  if (isRung(state, by.userId)) return ringFailed(state, 'rejected', now)
  return chain(
    state,
    stopRing('canceled'),
    having({ transfer: null }),
    withdraw('ended'),
    hangUp('hangup', now),
  )
}

function tones(state: CallState, digits: string): Result<Step, Refusal> {
  if (state.phase.status !== 'in-progress')
    return refuse('conflict', 'Tones need a call in progress')
  const sent = updated({ digitsSent: digits.replaceAll('w', '').length })
  if (!hasLeg(state)) return ok(chain(state, sent))
  if (state.leg.callSid === null) return refuse('conflict', 'The carrier has not told the call yet')
  return ok(chain(state, order({ type: 'carrier.digits', digits }), sent))
}

/** Takes somebody out for good. The phone that is called cannot be without the call. */
function remove(
  state: CallState,
  participantId: string,
  by: Commander,
  now: number,
): Result<Step, Refusal> {
  if (!by.writes) return refuse('forbidden', 'This needs the permission calls:write')
  const one = state.participants.find(({ id }) => id === participantId)
  if (one === undefined || one.removed) return refuse('not_found', 'There is no such participant')
  if (one.kind === 'phone') {
    if (one.state !== 'joined') return refuse('conflict', 'They are not in the call')
    if (state.transfer?.target === participantId) return ok(takeBack(state, now))
    return ok(putDown(state, by, now))
  }
  const gone = { entry: 'none', removed: true } as const
  if (state.ring?.participantId === participantId) {
    const failed = ringFailed(state, 'rejected', now)
    const out = note(participantId, gone)(failed.state)
    return ok(chainOn({ ...failed, state: out.state }, tellRemoved(participantId)))
  }
  return ok(chain(state, tellRemoved(participantId), goes(participantId, now, gone)))
}

/** Nobody who was never in leaves; that they were taken out is told all the same. */
const tellRemoved =
  (removed: string): Move =>
  (state) =>
    hasEnded(state) ? unchanged(state) : updated({ removed })(state)

function dispose(
  state: CallState,
  { disposition, notes }: Extract<CallCommand, { type: 'disposition' }>,
  by: Commander,
): Result<Step, Refusal> {
  if (!by.writes) return refuse('forbidden', 'This needs the permission calls:write')
  const kept = notes ?? state.notes
  if (state.disposition === disposition && state.notes === kept) return ok(unchanged(state))
  return ok(
    chain(state, having({ disposition, notes: kept }), updated({ disposition, notes: kept })),
  )
}

/** Where somebody has read to; only forward. */
function read(state: CallState, id: string, seq: number): Step {
  const one = state.participants.find((other) => other.id === id)
  if (one === undefined || one.readSeq >= seq) return unchanged(state)
  const told = { type: 'message.status', data: { seq, status: 'read', by: id } } as const
  return { ...note(id, { readSeq: seq })(state), events: [told] }
}

function asParticipant(
  state: CallState,
  { userId }: Commander,
  act: (participantId: string) => Step,
): Result<Step, Refusal> {
  const one = participantOf(state, userId)
  if (one?.state !== 'joined') return refuse('forbidden', 'This is for those who are in the call')
  return ok(act(one.id))
}

const refuse = (code: Refusal['code'], detail: string) => err<Refusal>({ code, detail })
const notRinging = () => refuse('conflict', 'The call does not ring for you')
