import { isTerminal } from '@menagerie/contracts'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { happen, history, play, rank } from '../../test/call-room/call-histories.ts'
import { ada, T0, user } from '../../test/call-room/call-world.ts'
import type { CallEffect } from './call-outputs.ts'
import { hasEnded } from './call-phase.ts'
import type { CallState } from './call-types.ts'
import { legsOf } from './legs.ts'

/** What cannot be at the same time. */
function contradiction(state: CallState) {
  const { ring, transfer, contact, flow, participants, phase } = state
  const ended = hasEnded(state)
  const isOver = ended || state.leg.hangup !== null
  const goesOn = legsOf(state).filter(({ ending }) => !ending)
  const isIn = (id: string | undefined) =>
    participants.some((one) => one.id === id && one.state === 'joined')
  const dials = flow !== null && flow.dialing !== null
  const asks = [ring !== null || transfer !== null, contact?.waits === true, dials]
  if (asks.filter(Boolean).length > 1) return 'it is fetched in two ways'
  if (ring !== null && isIn(ring.participantId)) return 'somebody rings who is in'
  if (ended && goesOn.length > 0) return 'phones are called that nobody waits for'
  for (const { id, participantId } of goesOn)
    if (transfer?.leg !== id && state.leg.connectedTo !== participantId && !isOver)
      return 'a phone is called for nothing'
  if (transfer === null)
    return ring?.why === 'transfer' || ring?.why === 'consult' ? 'a ring for nothing' : undefined
  const isAsked = transfer.mode === 'attended' && transfer.stage === 'consulting'
  if (transfer.leg !== undefined && !isAsked) {
    if (ring !== null) return 'a phone and a user are both fetched'
    const dials = goesOn.some(({ id, answered }) => id === transfer.leg && !answered)
    return dials ? undefined : 'a phone is fetched that is not dialled'
  }
  if (transfer.mode === 'blind') {
    if (transfer.toPhone) return ring === null ? undefined : 'a phone and a user are both fetched'
    return ring?.participantId === transfer.target ? undefined : 'a transfer that waits for nothing'
  }
  if (transfer.stage === 'ringing')
    return ring?.why === 'consult' ? undefined : 'somebody is asked who does not ring'
  if (ring !== null || phase.status !== 'on-hold') return 'talk goes on beside the question'
  return isIn(transfer.by) && isIn(transfer.target) ? undefined : 'nobody asks or answers'
}

describe('whatever webhooks, people, desks, queues, timers and crashes do to a call', () => {
  test('it ends once, every status follows from the one before, and only call.updated comes after', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        // Nothing more is heard of anybody: time alone ends the call.
        world.advance(5 * 60 * 60_000)
        expect(hasEnded(world.state)).toBe(true)
        const { statuses } = world
        expect(statuses.filter((status) => isTerminal(status as never))).toHaveLength(1)
        const ranks = statuses.map((status) => rank[status] ?? 3)
        expect(ranks).toEqual([...ranks].sort((a, b) => a - b))
        let before = 'queued'
        for (const event of world.events) {
          if (event.type !== 'call.status') continue
          expect(event.data.previousStatus).toBe(before)
          expect(event.data.status).not.toBe(before)
          before = event.data.status
        }
        expect(world.timers.size).toBe(0)
      }),
      { numRuns: 600 },
    )
  })

  test('joined comes before left, every id of the outbox is new, and each of the carrier’s calls gets one order a step', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        world.advance(5 * 60 * 60_000)
        expect(new Set(world.outbox).size).toBe(world.outbox.length)
        const inside = new Set<string>()
        for (const { type, data } of world.events) {
          if (type === 'participant.joined') {
            expect(inside.has(data.id)).toBe(false)
            inside.add(data.id)
          }
          if (type === 'participant.updated') expect(inside.has(data.id)).toBe(true)
          if (type === 'participant.left') expect(inside.delete(data.id)).toBe(true)
        }
        expect(inside.size).toBe(0)
      }),
      { numRuns: 400 },
    )
  })

  test('nothing rings, waits or is handed over in a call that has ended, and desks and queues were told', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) happen(world, what)
        world.advance(5 * 60 * 60_000)
        const { ring, transfer, contact } = world.state
        expect([ring, transfer, contact?.waits ?? false]).toEqual([null, null, false])
        const of = (type: CallEffect['type']) => world.effects.filter((one) => one.type === type)
        expect(of('desk.stop')).toHaveLength(of('desk.ring').length)
        // Each wait is over by an answer, by a withdrawal, or since there is no such queue.
        const offers = world.effects.flatMap((one) =>
          one.type === 'queue.offer' ? [one.contact.offer] : [],
        )
        expect(offers).toEqual(offers.map((_, index) => index + 1))
        const withdrawn = world.effects.flatMap((one) =>
          one.type === 'queue.withdraw' ? [one.contact.offer] : [],
        )
        // Whoever was dialled by a call of its own was hung up, unless the carrier said that it is over.
        expect(legsOf(world.state).every(({ ending }) => ending)).toBe(true)
        expect(new Set(withdrawn).size).toBe(withdrawn.length)
        expect(withdrawn.every((offer) => offers.includes(offer))).toBe(true)
      }),
      { numRuns: 600 },
    )
  })

  test('a call never hangs between two people: whoever is fetched is fetched for one reason, by something that ends', () => {
    fc.assert(
      fc.property(history, ({ kind, answeredAtOnce, happenings }) => {
        const world = play(kind, answeredAtOnce)
        for (const what of happenings) {
          happen(world, what)
          expect(contradiction(world.state)).toBeUndefined()
          if (world.state.ring !== null) expect(world.timers.has('user-ring')).toBe(true)
        }
      }),
      { numRuns: 600 },
    )
  })

  test('of all acceptances of one wait a single one wins', () => {
    fc.assert(
      fc.property(history, ({ happenings }) => {
        const world = play('waiting', false)
        const winners: string[] = []
        for (const what of happenings) {
          const before = world.state.contact
          happen(world, what)
          const { contact } = world.state
          if (contact?.acceptedAt != null && contact.acceptedAt !== before?.acceptedAt)
            winners.push(`${contact.offer}`)
        }
        expect(new Set(winners).size).toBe(winners.length)
      }),
      { numRuns: 600 },
    )
  })
})

test('an agent who is in the call already, and takes it out of its queue, joins once', () => {
  const world = play('outbound into a queue', true)
  const { contact } = world.state
  expect(contact?.waits).toBe(true)
  const acceptance = {
    callId: user(0),
    offer: 1,
    reservationId: 'r1',
    agentId: ada,
    queueId: user(8),
    at: T0,
  }
  world.do({ type: 'agent.accepted', acceptance })
  const joined = world.events.filter(
    ({ type, data }) => type === 'participant.joined' && 'address' in data && data.address === ada,
  )
  expect(joined).toHaveLength(1)
  expect(world.state).toMatchObject({ agentId: ada, phase: { status: 'in-progress' } })
})
