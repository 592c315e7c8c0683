import { describe, expect, test } from 'vitest'
import { callDetails, phone, T0, user } from '../../test/call-room/call-details.ts'
import type { CallCommand, CallInput } from './call-inputs.ts'
import type { Step } from './call-outputs.ts'
import { begin, obey, receive, step } from './call-state.ts'
import type { CallState } from './call-types.ts'

const callSid = 'CA1'
const [ada, bob, queueId] = [user(1), user(2), user(9)] as const
const other = '+12025550102'
const details = callDetails()
const inbound = { ...details, direction: 'inbound', startedBy: null, from: phone } as const

/** A call, its statuses, and the orders that the carrier got. */
class Run {
  state: CallState
  readonly statuses: string[] = []
  readonly orders: string[] = []
  readonly offers: object[] = []

  constructor(first: Step) {
    this.state = first.state
    this.#take(first)
  }

  do(...inputs: CallInput[]): this {
    for (const input of inputs) this.#take(step(this.state, input, T0))
    return this
  }

  obey(command: CallCommand, userId: string): this {
    const by = { userId, connectionId: userId, writes: true, oversees: false, managesQueues: false }
    const next = obey(this.state, command, by, T0)
    if (!next.ok) throw new Error(next.error.detail)
    this.#take(next.value)
    return this
  }

  /** A user's last socket is gone, for 15 s. */
  loses(userId: string): this {
    this.do({ type: 'user.absent', userId })
    return this.do({ type: 'timer.gone', participantId: this.idOf(userId), present: false })
  }

  idOf(address: string): string {
    return this.state.participants.find((one) => one.address === address)?.id ?? ''
  }

  #take(next: Step): void {
    this.state = next.state
    for (const event of next.events)
      if (event.type === 'call.status') this.statuses.push(event.data.status)
    for (const effect of next.effects) {
      if (effect.type.startsWith('carrier.')) this.orders.push(effect.type)
      if (effect.type === 'queue.offer') this.offers.push(effect.contact)
    }
  }
}

const report = (status: 'ringing' | 'in-progress' | 'completed'): CallInput => ({
  type: 'carrier.report',
  report: { callSid, status, rejected: false, durationSeconds: null },
})
const here = (userId: string): CallInput => ({ type: 'user.present', userId, connectionId: userId })
const blind = (to: string) => ({ type: 'transfer', mode: 'blind', to }) as const

const taken = (): Run =>
  new Run(receive(inbound, callSid, [{ type: 'enqueue', queueId }])).do(
    {
      type: 'agent.accepted',
      acceptance: { callId: user(0), offer: 1, reservationId: 'r1', agentId: ada, queueId, at: T0 },
    },
    here(ada),
  )
const called = (): Run => new Run(begin(details)).do(here(ada))

describe('a contact of a queue that was handed to another user', () => {
  const waitsAgain = ({ state, offers }: Run) => {
    expect(state).toMatchObject({
      phase: { status: 'on-hold' },
      agentId: null,
      contact: { queueId, offer: 2, offeredAt: T0, waits: true },
    })
    expect(offers.at(-1)).toMatchObject({ offer: 2, priority: 100 })
  }

  test('blind, waits in its queue again when that browser is gone, and they come back through it only', () => {
    const run = taken()
      .obey(blind(`user:${bob}`), ada)
      .obey({ type: 'answer' }, bob)
    waitsAgain(run.loses(bob))
    run.do(here(bob))
    expect(run.state.participants.map(({ state }) => state)).toEqual(['joined', 'left', 'left'])
  })

  test('after it was asked, likewise', () => {
    const run = taken()
      .obey({ type: 'transfer', mode: 'attended', to: `user:${bob}` }, ada)
      .obey({ type: 'answer' }, bob)
      .obey({ type: 'transfer', mode: 'complete' }, ada)
    waitsAgain(run.loses(bob))
  })

  test('stays with whoever else of ours is there, also a phone', () => {
    const run = taken().obey(blind(other), ada)
    run.do({
      type: 'carrier.asked',
      callSid,
      dial: { participantId: run.idOf(other), status: 'answered' },
    })
    expect(run.do({ type: 'timer.gone', participantId: 'p2', present: false }).offers).toHaveLength(
      1,
    )
    expect(run.state.phase.status).toBe('in-progress')
  })
})

describe('a call to a phone whose starter’s browser is gone', () => {
  test('is completed once it was answered, and hung up at the carrier', () => {
    const run = called().do(report('in-progress')).loses(ada)
    expect(run.state.phase).toMatchObject({ status: 'completed', reason: 'participant_left' })
    expect(run.orders).toEqual(['carrier.place', 'carrier.hangup'])
    // The carrier may not have been told yet: what goes on there is hung up once more.
    run.do(report('in-progress'), report('completed'))
    expect(run.statuses).toEqual(['in-progress', 'completed'])
    expect(run.orders.slice(2)).toEqual(['carrier.hangup'])
  })

  test('is canceled while it rings, as between browsers', () => {
    const run = called().do(report('ringing')).loses(ada)
    expect(run.state.phase).toMatchObject({ status: 'canceled', reason: 'participant_left' })
    expect(run.orders).toEqual(['carrier.place', 'carrier.hangup'])
  })

  test('goes on while somebody else of ours is there, or is asked to come', () => {
    const run = called()
      .do(report('in-progress'))
      .obey(blind(`user:${bob}`), ada)
    expect(run.state.phase.status).toBe('in-progress')
    run.obey({ type: 'answer' }, bob).do(here(bob), here(ada)).loses(ada)
    expect(run.state.phase.status).toBe('in-progress')
    run.loses(bob)
    expect(run.state.phase).toMatchObject({ status: 'completed', reason: 'participant_left' })
  })

  test('goes on while its flow speaks to the phone, waits or dials', () => {
    const flow = [{ type: 'enqueue', queueId }] as const
    const run = new Run(begin(details, [...flow])).do(here(ada)).loses(ada)
    expect(run.state.phase.status).toBe('queued')
    run.do(report('in-progress'))
    expect(run.state.contact?.waits).toBe(true)
  })
})

test('a call that came in for one user is over when that user is gone', () => {
  const dial = [{ type: 'dial', to: `user:${bob}`, timeoutSeconds: 20 }] as const
  const run = new Run(receive(inbound, callSid, [...dial])).obey({ type: 'answer' }, bob)
  run.loses(bob)
  expect(run.state.phase).toMatchObject({ status: 'completed', reason: 'participant_left' })
  expect(run.orders.at(-1)).toBe('carrier.hangup')
})
