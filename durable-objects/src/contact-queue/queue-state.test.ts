import { describe, expect, it } from 'vitest'
import { QueueBook } from './queue-book.ts'
import type { Past, PastContact, PastReservation, QueueInput, QueueStep } from './queue-model.ts'
import { begin, step } from './queue-state.ts'
import type { AgentStanding, OfferedContact } from './queue-types.ts'
import { toStats } from './queue-view.ts'

const START = Date.parse('2026-03-01T10:00:00Z')

/** A queue by its rules alone. */
function fixture() {
  const settings = {
    id: 'q',
    name: 'Support',
    skills: [],
    priority: 50,
    reservationTimeoutSeconds: 20,
    serviceLevelSeconds: 20,
    version: 1,
    createdAt: START,
    updatedAt: START,
  }
  let { state } = begin(settings, START)
  let ids = 0
  const book = new QueueBook()
  const pastContacts = new Map<string, PastContact>()
  const pastReservations = new Map<string, PastReservation>()
  const past: Past = {
    contact: (callId) => pastContacts.get(callId),
    reservation: (id) => pastReservations.get(id),
  }
  const take = (input: QueueInput, now: number): QueueStep => {
    const next = step(state, book, past, input, now, () => `r${ids++}`)
    state = next.state
    const changes = book.takeChanges()
    for (const one of changes.pastContacts) pastContacts.set(one.callId, one)
    for (const one of changes.pastReservations) pastReservations.set(one.id, one)
    return next
  }
  const kept = (callId: string) => book.contact(callId)?.reservation
  return { take, kept, book, state: () => state }
}

const offer = (callId: string, change: Partial<OfferedContact> = {}): QueueInput => ({
  type: 'offer',
  contact: {
    callId,
    offer: 1,
    direction: 'inbound',
    from: '',
    to: '',
    priority: null,
    skills: [],
    offeredAt: START,
    metadata: {},
    ...change,
  },
})

const standingOf = (agentId: string, version: number, free = 1): AgentStanding => ({
  agentId,
  version,
  serves: true,
  activity: 'available',
  skills: [],
  free,
  reservations: [],
  idleSince: 0,
})
const agent = (agentId: string, version: number, free = 1): QueueInput => ({
  type: 'agent',
  standing: standingOf(agentId, version, free),
})
const answer = (
  reservationId: string,
  outcome: 'pending' | 'refused' | 'unreached',
  version: number,
): QueueInput => ({ type: 'answers', answers: [{ reservationId, outcome, version }] })
const types = ({ events }: QueueStep) => events.map(({ type }) => type)

describe('a queue', () => {
  it('keeps a contact for an agent who is ready, and tells the desk', () => {
    const { take } = fixture()
    take(agent('a', 1), START)
    const next = take(offer('c'), START)
    expect(types(next)).toEqual(['contact.offered', 'contact.reserved'])
    expect(next.effects.map(({ type }) => type)).toEqual(['reserve'])
    expect(next.state.wakeAt).toBe(START + 25_000)
  })

  it('counts a reservation that the desk does not know of yet against what it told', () => {
    const { take, kept } = fixture()
    take(agent('a', 1, 2), START)
    for (const callId of ['c1', 'c2', 'c3']) take(offer(callId), START)
    expect([kept('c1')?.id, kept('c2')?.id, kept('c3')]).toEqual(['r0', 'r1', null])
    // The first is counted in this one, the second is not.
    take({ type: 'agent', standing: { ...standingOf('a', 2), reservations: ['r0'] } }, START)
    expect(kept('c3')).toBeNull()
    take({ type: 'agent', standing: { ...standingOf('a', 3), reservations: ['r0', 'r1'] } }, START)
    expect(kept('c3')?.id).toBe('r2')
  })

  it('asks a desk that could not be reached again after five seconds', () => {
    const { take, kept } = fixture()
    take(agent('a', 1), START)
    take(offer('c'), START)
    const next = take(answer('r0', 'unreached', 0), START + 10)
    // Whether it knows of it is not known.
    expect(next.effects).toEqual([
      { type: 'cancel', reservationId: 'r0', agentId: 'a', reason: 'unreached' },
    ])
    expect([kept('c'), next.state.wakeAt]).toEqual([null, START + 5_010])
    take({ type: 'wake' }, START + 5_010)
    expect(kept('c')?.agentId).toBe('a')
  })

  it('asks a desk that refuses against its own word again after two seconds, not at once', () => {
    const { take, kept } = fixture()
    take(agent('a', 4), START)
    take(offer('c'), START)
    const next = take(answer('r0', 'refused', 4), START)
    expect([kept('c'), next.state.wakeAt]).toEqual([null, START + 2_000])
    take({ type: 'wake' }, START + 2_000)
    expect(kept('c')?.id).toBe('r1')
  })

  it('lets a wait that begins anew take the place of the one before', () => {
    const { take, kept } = fixture()
    take(agent('a', 1), START)
    take(offer('c'), START)
    const next = take(offer('c', { offer: 2, priority: 100 }), START + 1_000)
    expect(types(next)).toEqual(['contact.withdrawn', 'contact.offered', 'contact.reserved'])
    expect(next.effects.map(({ type }) => type)).toEqual(['cancel', 'reserve'])
    expect(kept('c')?.id).toBe('r1')
    const late = take(offer('c'), START + 2_000)
    expect([late.events, late.effects]).toEqual([[], []])
  })

  it('says conflict to an acceptance of a contact that is gone, every time', () => {
    const { take } = fixture()
    take(agent('a', 1), START)
    take(offer('c'), START)
    take({ type: 'withdraw', contact: { callId: 'c', offer: 1, reason: 'abandoned' } }, START)
    const accepted: QueueInput = {
      type: 'outcome',
      outcome: {
        reservationId: 'r0',
        agentId: 'a',
        outcome: 'accepted',
        at: START,
        standing: standingOf('a', 2, 0),
      },
    }
    expect([take(accepted, START).answer, take(accepted, START).answer]).toEqual([
      'conflict',
      'conflict',
    ])
  })

  it('counts by the definitions of the reports, and anew each day', () => {
    const { take, book, state } = fixture()
    const leaves = (callId: string): QueueInput => ({
      type: 'withdraw',
      contact: { callId, offer: 1, reason: 'abandoned' },
    })
    for (const callId of ['short', 'long', 'quick', 'slow']) take(offer(callId), START)
    take(leaves('short'), START + 5_000)
    take(leaves('long'), START + 5_001)
    for (const [version, at] of [
      [1, 20_000],
      [2, 40_000],
    ] as const) {
      take(agent('a', version * 2), START + at)
      const [entry] = book.reservedContacts
      const outcome = {
        reservationId: entry?.reservation?.id ?? '',
        agentId: 'a',
        outcome: 'accepted',
        at: START + at,
        standing: standingOf('a', version * 2 + 1, 0),
      } as const
      take({ type: 'outcome', outcome }, START + at)
    }
    expect(toStats(state(), book, START + 40_000)).toMatchObject({
      waiting: 0,
      offered: 4,
      answered: 2,
      abandoned: 2,
      shortAbandons: 1,
      answeredWithinServiceLevel: 1,
      serviceLevel: 1 / 3,
      averageSpeedOfAnswerSeconds: 30,
      since: '2026-03-01T00:00:00.000Z',
    })
    expect(toStats(state(), book, START + 14 * 3_600_000)).toMatchObject({
      offered: 0,
      serviceLevel: null,
      averageSpeedOfAnswerSeconds: null,
      since: '2026-03-02T00:00:00.000Z',
    })
  })

  it('has a new version only where something is new, and is not removed while somebody waits', () => {
    const { take } = fixture()
    expect(take({ type: 'patch', patch: { priority: 50 } }, START).events).toEqual([])
    const patched = take({ type: 'patch', patch: { priority: 60 } }, START)
    expect(patched.state.settings).toMatchObject({ priority: 60, version: 2 })
    take(offer('c'), START)
    expect(take({ type: 'remove' }, START).answer).toBe('conflict')
    take({ type: 'withdraw', contact: { callId: 'c', offer: 1, reason: 'ended' } }, START)
    const removed = take({ type: 'remove' }, START)
    expect([removed.answer, removed.state.removedAt]).toEqual(['done', START])
  })
})
