import type { FlowStep } from '@menagerie/contracts'
import { describe, expect, test } from 'vitest'
import { callDetails, phone, T0, user } from '../../test/call-room/call-details.ts'
import { refuseAcceptance } from './acceptance.ts'
import type { CallCommand, CallInput, Commander } from './call-inputs.ts'
import type { CallEffect, Step } from './call-outputs.ts'
import { begin, obey, receive, step } from './call-state.ts'
import type { CallState } from './call-types.ts'
import { instructionsOf } from './instructions.ts'

const callSid = 'CA1'
const [ada, bob, queueId] = [user(1), user(2), user(9)] as const
const other = '+12025550102'

const inbound = callDetails({
  direction: 'inbound',
  startedBy: null,
  from: phone,
  to: '+12025550100',
})

const by = (userId: string, more: Partial<Commander> = {}): Commander => ({
  userId,
  connectionId: null,
  writes: true,
  oversees: false,
  managesQueues: false,
  ...more,
})
const overseer = by(user(8), { oversees: true, managesQueues: true })

/** A call and what was done to it. */
class Run {
  state: CallState
  effects: CallEffect[] = []

  constructor(first: Step) {
    this.state = first.state
  }

  do(...inputs: CallInput[]): this {
    for (const input of inputs) this.#take(step(this.state, input, T0))
    return this
  }

  /** The code of a refusal. */
  obey(command: CallCommand, who: Commander): string | undefined {
    const next = obey(this.state, command, who, T0)
    if (!next.ok) return next.error.code
    this.#take(next.value)
    return undefined
  }

  #take(next: Step): void {
    this.state = next.state
    this.effects = [...next.effects]
  }
}

const reported = (status: 'in-progress' | 'completed'): CallInput => ({
  type: 'carrier.report',
  report: { callSid, status, rejected: false, durationSeconds: null },
})
const here = (userId: string): CallInput => ({ type: 'user.present', userId, connectionId: userId })
const accepts = (agentId: string, offer = 1, reservationId = `r${offer}`) => ({
  callId: user(0),
  offer,
  reservationId,
  agentId,
  queueId,
  at: T0,
})
const idOf = ({ state }: Run, address: string): string =>
  state.participants.find((one) => one.address === address)?.id ?? ''

const answered = (flow: FlowStep[] | null = null): Run =>
  new Run(begin(callDetails(), flow)).do(here(ada), reported('in-progress'))
const waiting = (): Run => new Run(receive(inbound, callSid, [{ type: 'enqueue', queueId }]))

describe('who was rung and is not in the call', () => {
  const consulted = (): Run => {
    const run = answered()
    run.obey({ type: 'transfer', mode: 'attended', to: `user:${bob}` }, by(ada))
    return run
  }

  test('commands nothing of it once it rings no more', () => {
    const run = consulted()
    expect(run.obey({ type: 'reject' }, by(bob))).toBeUndefined()
    for (const type of ['hangup', 'hold', 'resume'] as const)
      expect([type, run.obey({ type }, by(bob))]).toEqual([type, 'forbidden'])
    expect(run.obey({ type: 'dtmf', digits: '1' }, by(bob))).toBe('forbidden')
    expect(run.obey({ type: 'remove', participantId: 'p1' }, by(bob))).toBe('forbidden')
    expect(run.obey({ type: 'answer' }, by(bob))).toBe('conflict')
    expect(run.state.phase.status).toBe('in-progress')
  })

  test('presses no keys while it rings; hanging up is a refusal then', () => {
    const run = answered()
    run.obey({ type: 'transfer', mode: 'blind', to: `user:${bob}` }, by(ada))
    expect(run.obey({ type: 'dtmf', digits: '1' }, by(bob))).toBe('forbidden')
    expect(run.obey({ type: 'hangup' }, by(bob))).toBeUndefined()
    expect(run.state).toMatchObject({ phase: { status: 'in-progress' }, ring: { why: 'return' } })
  })
})

test('an agent who left long ago may be taken out: the customer stays where they are', () => {
  const run = waiting().do({ type: 'agent.accepted', acceptance: accepts(bob) })
  run.obey({ type: 'transfer', mode: 'blind', to: other }, by(bob))
  run.do({
    type: 'carrier.asked',
    callSid,
    dial: { participantId: idOf(run, other), status: 'answered' },
  })
  expect(run.state.phase.status).toBe('in-progress')
  expect(run.obey({ type: 'remove', participantId: idOf(run, bob) }, overseer)).toBeUndefined()
  expect(run.effects).toEqual([])
  expect(run.state).toMatchObject({ phase: { status: 'in-progress' }, contact: { waits: false } })
})

describe('while a flow dials a phone', () => {
  const dialling = (): Run =>
    answered([
      { type: 'dial', to: other, timeoutSeconds: 20 },
      { type: 'enqueue', queueId },
    ])

  test('nobody hands the call over or holds it: the flow has it', () => {
    const run = dialling()
    expect(instructionsOf(run.state)).toMatchObject([{ type: 'dial-number', number: other }])
    expect(run.obey({ type: 'hold' }, by(ada))).toBe('conflict')
    for (const to of [`queue:${queueId}`, `user:${bob}`, '+12025550177'])
      expect([to, run.obey({ type: 'transfer', mode: 'blind', to }, by(ada))]).toEqual([
        to,
        'conflict',
      ])
  })

  test('they do once the phone is answered, and whoever takes it is who is connected', () => {
    const run = dialling()
    const dial = { participantId: idOf(run, other), status: 'answered' } as const
    run.do({ type: 'carrier.asked', callSid, dial })
    const queue = { type: 'transfer', mode: 'blind', to: `queue:${queueId}` } as const
    expect(run.obey(queue, by(ada))).toBeUndefined()
    run.do({ type: 'agent.accepted', acceptance: accepts(bob) })
    expect(instructionsOf(run.state)).toMatchObject([{ type: 'dial-user', userId: bob }])
  })
})

test('an agent is never turned away for the number of those before: whoever accepts has the contact', () => {
  const run = waiting()
  for (let n = 1; n <= 60; n++) {
    const acceptance = accepts(user(100 + n), n)
    expect([n, refuseAcceptance(run.state, acceptance)]).toEqual([n, undefined])
    run.do({ type: 'agent.accepted', acceptance })
    expect([n, run.state.agentId]).toEqual([n, acceptance.agentId])
    const participantId = idOf(run, acceptance.agentId)
    run.do({ type: 'timer.gone', participantId, present: false })
    expect([n, run.state.contact?.waits]).toEqual([n, true])
  }
})
