import { beforeEach, describe, expect, test } from 'vitest'
import { callDetails, phone, T0, user } from '../../test/call-room/call-details.ts'
import type { CallCommand, CallInput, CarrierStatus } from './call-inputs.ts'
import type { CallEffect, CallJournalEvent, Step } from './call-outputs.ts'
import { begin, obey, receive, step } from './call-state.ts'
import type { CallState } from './call-types.ts'
import { instructionsOf, legInstructionsOf } from './instructions.ts'

const [ada, bob, eve, queueId] = [user(1), user(2), user(3), user(9)] as const
const [asked, third] = ['+12025550102', '+12025550103'] as const
const details = callDetails()

let state: CallState
let orders: string[]
let told: CallJournalEvent[]
const take = (next: Step): void => {
  state = next.state
  told = [...next.events]
  orders = next.effects.flatMap((effect: CallEffect) =>
    effect.type.startsWith('carrier.')
      ? [`${effect.type} ${'leg' in effect ? effect.leg : 'first'}`]
      : [],
  )
}
const now = (input: CallInput): void => take(step(state, input, T0))
const says = (command: CallCommand, oversees = false, userId: string = ada): void => {
  const by = { userId, connectionId: userId, writes: true, oversees, managesQueues: false }
  const next = obey(state, command, by, T0)
  if (!next.ok) throw new Error(next.error.detail)
  take(next.value)
}
const report = (status: CarrierStatus, leg?: string): CallInput => ({
  type: 'carrier.report',
  ...(leg === undefined ? {} : { leg }),
  report: {
    callSid: leg === undefined ? 'CA1' : `CA-${leg}`,
    status,
    rejected: false,
    durationSeconds: null,
  },
})
const gone = (): CallInput => ({ type: 'timer.gone', participantId: 'p1', present: false })
const legTold = (leg = 'l1') => legInstructionsOf(state, leg, `CA-${leg}`).map(({ type }) => type)
const firstTold = () => instructionsOf(state).map(({ type }) => type)
const transfer = { type: 'transfer', mode: 'attended', to: asked } as const

beforeEach(() => {
  take(begin(details))
  now({ type: 'user.present', userId: ada, connectionId: ada })
  now(report('in-progress'))
  says(transfer)
})

describe('a telephone that is asked', () => {
  test('is dialled by an order of its own, while the customer waits', () => {
    expect(orders).toEqual(['carrier.redirect first', 'carrier.place l1'])
    expect([state.phase.status, firstTold()]).toEqual(['on-hold', ['wait']])
    expect(told.at(-1)?.data).toEqual({ transfer: 'dialing' })
  })

  test('has the call once it answers, where whoever wanted to ask has gone', () => {
    now(gone())
    expect(state).toMatchObject({ transfer: { mode: 'blind', leg: 'l1' } })
    now(report('in-progress', 'l1'))
    expect([firstTold(), legTold()]).toEqual([['conference'], ['conference']])
    expect(orders).toEqual(['carrier.redirect first', 'carrier.redirect l1'])
    expect(state).toMatchObject({ phase: { status: 'in-progress' }, transfer: null })
  })

  test('and does not answer then, rings at whoever had the call before', () => {
    now(gone())
    now(report('busy', 'l1'))
    expect(told.at(0)?.data).toMatchObject({ transfer: 'failed', reason: 'busy' })
    expect(state.ring).toMatchObject({ userId: ada, why: 'return' })
  })

  test('has the call when whoever asks it is gone in between', () => {
    now(report('in-progress', 'l1'))
    expect(legTold()).toEqual(['dial-user'])
    now(gone())
    expect([firstTold(), legTold()]).toEqual([['conference'], ['conference']])
  })

  test('hangs up while it is asked: the customer is back with who asked', () => {
    now(report('in-progress', 'l1'))
    now(report('completed', 'l1'))
    expect(told.map(({ data }) => data)).toContainEqual({
      transfer: 'canceled',
      reason: 'remote_hangup',
    })
    expect([state.phase.status, orders]).toEqual(['in-progress', ['carrier.redirect first']])
  })

  test('is not dialled to a device again that was not there', () => {
    now(report('in-progress', 'l1'))
    const dial = { participantId: 'p1', status: 'no-answer' } as const
    now({ type: 'carrier.asked', leg: 'l1', callSid: 'CA-l1', dial })
    expect(legTold()).toEqual(['wait'])
  })

  test('is heard again by who asks when that browser is back from a reload', () => {
    now(report('in-progress', 'l1'))
    now({ type: 'user.absent', userId: ada })
    const dial = { participantId: 'p1', status: 'failed' } as const
    now({ type: 'carrier.asked', leg: 'l1', callSid: 'CA-l1', dial })
    expect(legTold()).toEqual(['wait'])
    now({ type: 'user.present', userId: ada, connectionId: ada })
    expect([orders, legTold()]).toEqual([['carrier.redirect l1'], ['dial-user']])
  })

  test('may be taken out, and then the call goes on without it', () => {
    now(report('in-progress', 'l1'))
    const participantId = state.participants.at(-1)?.id ?? ''
    says({ type: 'remove', participantId }, true)
    expect(orders).toEqual(['carrier.hangup l1', 'carrier.redirect first'])
    expect(state).toMatchObject({ phase: { status: 'in-progress' }, transfer: null })
  })

  test('of another call of the carrier’s that nobody asked for, that one is hung up', () => {
    now(report('ringing', 'l1'))
    now(report('in-progress', 'l7'))
    expect(orders).toEqual(['carrier.hangup first'])
    expect(legTold()).toEqual(['wait'])
  })
})

describe('a word of one of the room’s calls under the name of another', () => {
  const called = (callSid: string, leg?: string): CallInput => ({
    type: 'carrier.report',
    ...(leg === undefined ? {} : { leg }),
    report: { callSid, status: 'in-progress', rejected: false, durationSeconds: null },
  })

  test.each([
    ['the customer’s as that of a leg that is not known yet', 'CA1', 'l1'],
    ['the customer’s as that of a leg that never was', 'CA1', 'l7'],
  ])('changes nothing and hangs nothing up: %s', (_, callSid, leg) => {
    const before = state
    now(called(callSid, leg))
    expect([state, orders]).toEqual([before, []])
  })

  test.each([
    ['a leg’s as the first call’s', undefined],
    ['a leg’s as that of a leg that never was', 'l7'],
  ])('changes nothing and hangs nothing up: %s', (_, leg) => {
    now(report('in-progress', 'l1'))
    const before = state
    now(called('CA-l1', leg))
    expect([state, orders]).toEqual([before, []])
  })
})

describe('a customer and a telephone that were joined', () => {
  beforeEach(() => {
    now(report('in-progress', 'l1'))
    says({ type: 'transfer', mode: 'complete' })
  })

  test('wait on hold, and are joined again', () => {
    says({ type: 'hold' }, true)
    // Its conference is over with the customer's leaving, and it asks by itself.
    expect([orders, firstTold(), legTold()]).toEqual([
      ['carrier.redirect first'],
      ['wait'],
      ['wait'],
    ])
    says({ type: 'resume' }, true)
    expect(orders).toEqual(['carrier.redirect first', 'carrier.redirect l1'])
    expect([firstTold(), legTold()]).toEqual([['conference'], ['conference']])
  })

  test('are both hung up with the call', () => {
    says({ type: 'hangup' }, true)
    expect(orders).toEqual(['carrier.hangup first', 'carrier.hangup l1'])
    now(report('completed'))
    now(report('completed', 'l1'))
    expect(state.phase).toMatchObject({ status: 'completed', reason: 'hangup' })
    expect(state.seconds?.legs).toEqual([])
  })

  test('are both asked about when their webhooks may be lost', () => {
    now({ type: 'timer.carrier-check' })
    expect(orders).toEqual(['carrier.check first', 'carrier.check l1'])
    now({ type: 'carrier.lost', leg: 'l1' })
    expect(state.leg.hangup).toMatchObject({ reason: 'remote_hangup' })
  })
})

describe('a customer and a telephone that were joined in the presence of somebody else of ours', () => {
  const bobSays = (command: CallCommand) => says(command, false, bob)

  beforeEach(() => {
    take(begin({ ...details, agentId: bob }))
    for (const userId of [ada, bob]) now({ type: 'user.present', userId, connectionId: userId })
    now(report('in-progress'))
    says(transfer)
    now(report('in-progress', 'l1'))
    says({ type: 'transfer', mode: 'complete' })
    expect([firstTold(), legTold()]).toEqual([['conference'], ['conference']])
  })

  const comesToNothing: [string, string, () => void][] = [
    [
      'a telephone that is not asked in the end',
      third,
      () => bobSays({ type: 'transfer', mode: 'cancel' }),
    ],
    ['a telephone that is busy', third, () => now(report('busy', 'l2'))],
    ['somebody who declines', `user:${eve}`, () => says({ type: 'reject' }, false, eve)],
    ['somebody who does not answer', `user:${eve}`, () => now({ type: 'timer.user-ring' })],
  ]
  test.each(comesToNothing)('are joined again after %s', (_, to, ends) => {
    bobSays({ ...transfer, to })
    expect([firstTold(), legTold()]).toEqual([['wait'], ['wait']])
    ends()
    expect(orders).toEqual(
      expect.arrayContaining(['carrier.redirect first', 'carrier.redirect l1']),
    )
    expect([firstTold(), legTold()]).toEqual([['conference'], ['conference']])
  })

  test('are parted when another telephone gets the call, and the first one is hung up', () => {
    bobSays({ ...transfer, to: third })
    now(report('in-progress', 'l2'))
    bobSays({ type: 'transfer', mode: 'complete' })
    expect(orders).toEqual(expect.arrayContaining(['carrier.hangup l1', 'carrier.redirect l2']))
    expect([firstTold(), legTold(), legTold('l2')]).toEqual([
      ['conference'],
      ['hangup'],
      ['conference'],
    ])
    now({ type: 'carrier.absent', leg: 'l1' })
    expect(state.participants.find(({ address }) => address === asked)?.state).toBe('left')
    expect(state).toMatchObject({ phase: { status: 'in-progress' }, leg: { hangup: null } })
  })

  test('are parted when somebody else takes the call, and the telephone is hung up', () => {
    bobSays({ type: 'transfer', mode: 'blind', to: `user:${eve}` })
    says({ type: 'answer' }, false, eve)
    expect(orders).toContain('carrier.hangup l1')
    expect([firstTold(), legTold()]).toEqual([['dial-user'], ['hangup']])
  })
})

test('a contact of a queue is offered again when whoever asked is gone and nobody took it', () => {
  take(
    receive({ ...details, direction: 'inbound', startedBy: null, from: phone }, 'CA1', [
      { type: 'enqueue', queueId },
    ]),
  )
  const acceptance = { callId: user(0), offer: 1, reservationId: 'r1', agentId: ada, queueId }
  now({ type: 'agent.accepted', acceptance: { ...acceptance, at: T0 } })
  says(transfer)
  now(report('in-progress', 'l1'))
  now(report('completed', 'l1'))
  const participantId = state.participants.find(({ address }) => address === ada)?.id ?? ''
  now({ type: 'timer.gone', participantId, present: false })
  expect(state).toMatchObject({ phase: { status: 'on-hold' }, contact: { offer: 2, waits: true } })
})
