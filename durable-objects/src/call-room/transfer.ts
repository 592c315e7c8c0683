import { err, ok, type Result } from '@menagerie/core'
import type { CallCommand, Commander, Refusal } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import {
  chain,
  chainOn,
  hasLeg,
  having,
  isFetching,
  participantOf,
  putOnHold,
  redirect,
  updated,
} from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'
import { dialLeg, legsOf, MAX_LEGS, nextLegId } from './legs.ts'
import { TRANSFER_RING_MS } from './limits.ts'
import { bringIn, leave, note } from './participants.ts'
import { cancelTransfer, completeTransfer } from './parting.ts'
import { startRing } from './ringing.ts'
import { enqueue } from './waiting.ts'

type TransferCommand = Extract<CallCommand, { type: 'transfer' }>

/** Hands a call over: at once, or after the target was asked. */
export function transfer(
  state: CallState,
  command: TransferCommand,
  { userId, writes }: Commander,
  now: number,
): Result<Step, Refusal> {
  if (!writes) return refuse('forbidden', 'This needs the permission calls:write')
  const by = participantOf(state, userId)
  if (by?.state !== 'joined') return refuse('forbidden', 'Only who is in the call hands it over')
  switch (command.mode) {
    case 'complete':
    case 'cancel':
      return finish(state, command.mode, by, now)
    case 'blind':
    case 'attended': {
      const { status } = state.phase
      if (status !== 'in-progress' && status !== 'on-hold')
        return refuse('conflict', 'The call has not been answered')
      if (isFetching(state)) return refuse('conflict', 'The call is being handed over already')
      const no = refuseTarget(state, command.mode, command.to)
      if (no !== undefined) return { ok: false, error: no }
      return command.mode === 'blind'
        ? blind(state, by, command.to, now)
        : ask(state, by, command.to, now)
    }
  }
}

function refuseTarget(
  state: CallState,
  mode: 'blind' | 'attended',
  to: string,
): Refusal | undefined {
  if (to.startsWith('user:')) {
    const known = participantOf(state, to.slice('user:'.length))
    return known?.state === 'joined'
      ? { code: 'conflict', detail: 'They are in the call already' }
      : undefined
  }
  if (to.startsWith('queue:'))
    return mode === 'blind'
      ? undefined
      : { code: 'validation_failed', detail: 'A queue cannot be asked first; transfer blind' }
  if (!hasLeg(state))
    return { code: 'conflict', detail: 'No telephone can be heard in a call between browsers' }
  const isIn = state.participants.some(
    (one) => one.kind === 'phone' && one.address === to && one.state === 'joined',
  )
  if (isIn) return { code: 'conflict', detail: 'They are in the call already' }
  return mode === 'attended' && legsOf(state).length >= MAX_LEGS
    ? { code: 'conflict', detail: 'Telephones that were asked before are still being hung up' }
    : undefined
}

/** The transferor goes at once; where the target does not take the call, it rings at the transferor again. */
function blind(
  state: CallState,
  by: CallParticipant,
  to: string,
  now: number,
): Result<Step, Refusal> {
  const left = chain(
    state,
    leave(({ id }) => id === by.id, now),
    note(by.id, { entry: 'none' }),
  )
  if (to.startsWith('queue:')) {
    const queueId = to.slice('queue:'.length)
    return ok(chainOn(left, enqueue({ queueId }, now), redirect))
  }
  const who = to.startsWith('user:')
    ? ({ kind: 'user', address: to.slice('user:'.length), entry: 'answer' } as const)
    : ({ kind: 'phone', address: to, entry: 'answer' } as const)
  const asked = bringIn(left.state, who)
  if (asked === undefined) return full()
  const toPhone = who.kind === 'phone'
  const under = { mode: 'blind', by: by.id, target: asked.id, toPhone } as const
  return ok(
    chainOn(
      { ...left, state: asked.state },
      having({ transfer: under }),
      ...(toPhone ? [] : [startRing(who.address, 'transfer', now + TRANSFER_RING_MS)]),
      updated({ transfer: toPhone ? 'dialing' : 'ringing' }),
      redirect,
    ),
  )
}

/** The other side waits while the target is asked. */
function ask(
  state: CallState,
  by: CallParticipant,
  to: string,
  now: number,
): Result<Step, Refusal> {
  if (!to.startsWith('user:')) return askPhone(state, by, to, now)
  const userId = to.slice('user:'.length)
  const asked = bringIn(state, { kind: 'user', address: userId, entry: 'answer' })
  if (asked === undefined) return full()
  const under = { mode: 'attended', by: by.id, target: asked.id, stage: 'ringing' } as const
  return ok(
    chain(
      asked.state,
      putOnHold(now),
      having({ transfer: under }),
      startRing(userId, 'consult', now + TRANSFER_RING_MS),
      updated({ transfer: 'ringing' }),
      redirect,
    ),
  )
}

/** A telephone is asked by a call of its own, which the carrier connects with the transferor's device. */
function askPhone(
  state: CallState,
  by: CallParticipant,
  to: string,
  now: number,
): Result<Step, Refusal> {
  const asked = bringIn(state, { kind: 'phone', address: to, entry: 'answer' })
  if (asked === undefined) return full()
  const leg = nextLegId(state)
  const under = { mode: 'attended', by: by.id, target: asked.id, stage: 'ringing', leg } as const
  return ok(
    chain(
      asked.state,
      putOnHold(now),
      having({ transfer: under }),
      updated({ transfer: 'dialing' }),
      redirect,
      dialLeg(leg, asked.id, now),
    ),
  )
}

function finish(
  state: CallState,
  mode: 'complete' | 'cancel',
  by: CallParticipant,
  now: number,
): Result<Step, Refusal> {
  const under = state.transfer
  if (under?.mode !== 'attended' || under.by !== by.id)
    return refuse('conflict', 'There is no attended transfer of yours')
  if (mode === 'cancel') return ok(takeBack(state, now))
  if (under.stage !== 'consulting') return refuse('conflict', 'The target has not answered yet')
  const left = chain(
    state,
    leave(({ id }) => id === by.id, now),
    note(by.id, { entry: 'none' }),
  )
  return ok(chainOn(left, completeTransfer(now)))
}

/** The target goes, and the call is as it was before it was asked. */
export function takeBack(state: CallState, now: number): Step {
  const target = state.transfer?.target ?? ''
  return chain(
    state,
    leave(({ id }) => id === target, now),
    note(target, { entry: 'none' }),
    cancelTransfer(now),
  )
}

const refuse = (code: Refusal['code'], detail: string) => err<Refusal>({ code, detail })
const full = () => refuse('conflict', 'The call has too many participants')
