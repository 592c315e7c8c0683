import { describe, expect, it } from 'vitest'
import { freeOf, standingOf } from './desk-standing.ts'
import { DeskWorld } from './desk-world.ts'

const shown = (world: DeskWorld) => [
  world.state.activity.name,
  world.state.next?.name ?? null,
  freeOf(world.state),
]

/** A contact of the queue, taken and joined. */
function takeContact(world: DeskWorld, id = 'r1') {
  world.reserve(id)
  world.take({ type: 'accept', reservationId: id, connectionId: 'tab' })
  world.take({ type: 'acceptance-taken', reservationId: id })
  world.presence(`call-${id}`, 5, 'joined', 'queue')
}

describe('activities', () => {
  it('are busy while the capacity is used up, after-contact work then, and available again', () => {
    const world = DeskWorld.ready()
    expect(shown(world)).toEqual(['available', null, 1])
    takeContact(world)
    expect(shown(world)).toEqual(['busy', null, 0])
    world.presence('call-r1', 9, 'left', 'queue')
    expect(shown(world)).toEqual(['after-contact-work', null, 0])
    expect(world.types('agent.activity').at(-1)?.data).toMatchObject({
      name: 'after-contact-work',
      previous: 'busy',
      until: new Date(world.now + 30_000).toISOString(),
      reason: 'contact_ended',
    })
    world.advance(29_999)
    expect(shown(world)[0]).toBe('after-contact-work')
    world.advance(1)
    expect(shown(world)).toEqual(['available', null, 1])
    expect(world.told).toContainEqual(
      expect.objectContaining({ type: 'room.work', callId: 'call-r1', seconds: 30 }),
    )
  })

  it('chosen during a contact follow after the contact and its work', () => {
    const world = DeskWorld.ready()
    takeContact(world)
    world.take({ type: 'choose', name: 'break' })
    expect(shown(world)).toEqual(['busy', 'break', 0])
    world.presence('call-r1', 9, 'left', 'queue')
    expect(shown(world)).toEqual(['after-contact-work', 'break', 0])
    world.advance(30_000)
    expect(shown(world)).toEqual(['break', null, 0])
  })

  it('chosen during a contact wait also for an acceptance that the room has not answered', () => {
    const world = DeskWorld.ready()
    world.reserve('r1')
    world.take({ type: 'accept', reservationId: 'r1', connectionId: null })
    world.take({ type: 'choose', name: 'offline' })
    expect(shown(world)).toEqual(['busy', 'offline', 0])
    world.take({ type: 'acceptance-late', reservationId: 'r1' })
    expect(shown(world)).toEqual(['offline', null, 0])
  })

  it('chosen during after-contact work end it at once', () => {
    const world = DeskWorld.ready()
    takeContact(world)
    world.presence('call-r1', 9, 'left', 'queue')
    world.advance(7_000)
    world.take({ type: 'choose', name: 'available' })
    expect(shown(world)).toEqual(['available', null, 1])
    expect(world.timers.has('work')).toBe(false)
    expect(world.told.at(-2)).not.toBeUndefined()
    expect(world.told.filter(({ type }) => type === 'room.work')).toEqual([
      expect.objectContaining({ callId: 'call-r1', seconds: 7 }),
    ])
  })

  it('return to what they were after a direct call, without after-contact work', () => {
    const world = DeskWorld.ready()
    world.take({ type: 'choose', name: 'break' })
    world.presence('direct', 3, 'joined', null)
    expect(shown(world)).toEqual(['break', null, 0])
    world.presence('direct', 4, 'left', null)
    expect(shown(world)).toEqual(['break', null, 0])
    world.take({ type: 'choose', name: 'available' })
    world.presence('direct-2', 3, 'joined', null)
    expect(shown(world)).toEqual(['busy', null, 0])
    world.presence('direct-2', 4, 'left', null)
    expect(shown(world)).toEqual(['available', null, 1])
  })

  it('stay busy when busy was chosen, and available while there is room', () => {
    const world = DeskWorld.ready({ capacity: 2 })
    takeContact(world)
    expect(shown(world)).toEqual(['available', null, 1])
    world.presence('call-r1', 9, 'left', 'queue')
    world.take({ type: 'choose', name: 'busy' })
    world.advance(60_000)
    expect(shown(world)).toEqual(['busy', null, 0])
  })

  it('offer no second contact to an agent who goes to a break after the first', () => {
    const world = DeskWorld.ready({ capacity: 2 })
    takeContact(world)
    world.take({ type: 'choose', name: 'break' })
    expect(shown(world)).toEqual(['available', 'break', 0])
    world.take({ type: 'choose', name: 'available' })
    expect(freeOf(world.state)).toBe(1)
  })

  it('have no work after a contact where wrapUpSeconds is 0', () => {
    const world = DeskWorld.ready({ wrapUpSeconds: 0 })
    takeContact(world)
    world.presence('call-r1', 9, 'left', 'queue')
    expect(shown(world)).toEqual(['available', null, 1])
  })

  it('cannot be after-contact work by choice', () => {
    const world = DeskWorld.ready()
    const step = world.take({ type: 'choose', name: 'after-contact-work' })
    expect(step.refusal).toBe('conflict')
    expect(step.events).toEqual([])
  })

  it('become offline when a supervisor signs the agent out: now, or after the contact', () => {
    const idle = DeskWorld.ready()
    idle.reserve('r1')
    idle.take({ type: 'sign-out' })
    expect(shown(idle)).toEqual(['offline', null, 0])
    expect(idle.types('reservation.rejected')).toHaveLength(1)
    expect(idle.types('agent.activity').at(-1)?.data).toMatchObject({ reason: 'signed_out' })
    const talking = DeskWorld.ready({ wrapUpSeconds: 0 })
    takeContact(talking)
    talking.take({ type: 'sign-out' })
    expect(shown(talking)).toEqual(['busy', 'offline', 0])
    talking.presence('call-r1', 9, 'left', 'queue')
    expect(shown(talking)).toEqual(['offline', null, 0])
    expect(talking.types('agent.activity').at(-1)?.data).toMatchObject({
      name: 'offline',
      reason: 'signed_out',
    })
  })

  it('become break after three reservations in a row that ran out', () => {
    const world = DeskWorld.ready()
    for (const id of ['r1', 'r2', 'r3']) {
      expect(world.reserve(id).refusal).toBeUndefined()
      world.advance(20_000)
    }
    expect(shown(world)).toEqual(['break', null, 0])
    expect(world.types('agent.activity').at(-1)?.data).toMatchObject({
      name: 'break',
      reason: 'missed_reservations',
    })
    expect(world.types('reservation.timeout')).toHaveLength(3)
  })

  it('stay as they are where reservations ran out in an outage: nobody could take them', () => {
    const world = DeskWorld.ready({ capacity: 3 })
    for (const id of ['r1', 'r2', 'r3']) world.reserve(id)
    world.outage(60_000)
    expect(world.types('reservation.timeout')).toHaveLength(3)
    expect(shown(world)).toEqual(['available', null, 3])
  })

  it('forget missed reservations once one is answered', () => {
    const world = DeskWorld.ready()
    for (const id of ['r1', 'r2', 'r3', 'r4', 'r5']) {
      world.reserve(id)
      if (id === 'r3') world.take({ type: 'reject', reservationId: id })
      else world.advance(20_000)
    }
    expect(shown(world)).toEqual(['available', null, 1])
  })
})

describe('a connection', () => {
  it('counts for 15 seconds more, so that a refresh keeps everything', () => {
    const world = DeskWorld.ready()
    world.reserve('r1', 'c1', 60)
    const { version } = world.state
    world.take({ type: 'disconnected' })
    world.advance(14_999)
    world.take({ type: 'connected' })
    world.advance(20_000)
    expect(world.state.connected).toBe(true)
    expect(standingOf(world.state, 'queue').reservations).toEqual(['r1'])
    expect(world.state.version).toBeGreaterThan(version)
  })

  it('that is gone for longer takes the agent out and hands pending contacts on', () => {
    const world = DeskWorld.ready()
    world.reserve('r1', 'c1', 60)
    world.take({ type: 'disconnected' })
    world.advance(15_000)
    expect(shown(world)).toEqual(['available', null, 0])
    expect(world.types('reservation.rejected').at(-1)?.data).toEqual({
      id: 'r1',
      reason: 'disconnected',
    })
    world.take({ type: 'connected' })
    expect(freeOf(world.state)).toBe(1)
  })
})

describe('an outage', () => {
  it('takes nobody out before they could come back: their time begins anew after it', () => {
    const world = DeskWorld.ready()
    world.reserve('r1', 'c1', 600)
    world.take({ type: 'disconnected' })
    world.outage(60_000)
    expect(world.state).toMatchObject({ connected: true, awaySince: world.now })
    world.advance(14_999)
    expect(world.types('reservation.rejected')).toEqual([])
    world.advance(1)
    expect(world.state.connected).toBe(false)
    expect(world.types('reservation.rejected').at(-1)?.data).toMatchObject({ id: 'r1' })
  })
})

describe('a reservation', () => {
  it('ends once: of accept, reject, timeout and cancel only the first counts', () => {
    const world = DeskWorld.ready()
    world.reserve('r1')
    expect(world.take({ type: 'reject', reservationId: 'r1' }).refusal).toBeUndefined()
    expect(world.take({ type: 'accept', reservationId: 'r1', connectionId: null }).refusal).toBe(
      'conflict',
    )
    world.take({ type: 'cancel-reservation', reservationId: 'r1', reason: 'gone' })
    world.take({ type: 'timer.reservation', reservationId: 'r1' })
    world.advance(60_000)
    expect(world.told.filter(({ type }) => type === 'queue.ended')).toHaveLength(1)
    expect(world.state.reservations[0]?.state).toBe('rejected')
    expect(world.take({ type: 'accept', reservationId: 'no', connectionId: null }).refusal).toBe(
      'not_found',
    )
  })

  it('cannot be accepted once its time is up, although its timer is late', () => {
    const world = DeskWorld.ready()
    world.reserve('r1')
    world.now += 20_000
    const step = world.take({ type: 'accept', reservationId: 'r1', connectionId: null })
    expect(step.refusal).toBe('conflict')
  })

  it('is refused where it does not fit: no room, another queue, a skill, its time, its call', () => {
    const world = DeskWorld.ready({ skills: ['english'] })
    const base = {
      type: 'reserve',
      reservationId: 'r1',
      callId: 'c1',
      queueId: 'queue',
      offer: 1,
      skills: ['english'],
      expiresAt: world.now + 1000,
    } as const
    const refused = (change: object) => world.take({ ...base, ...change }).refusal
    expect(refused({ queueId: 'other' })).toBe('conflict')
    expect(refused({ skills: ['danish'] })).toBe('conflict')
    expect(refused({ expiresAt: world.now })).toBe('conflict')
    expect(refused({})).toBeUndefined()
    expect(refused({ reservationId: 'r2', callId: 'c2' })).toBe('conflict')
    // The same id acts once.
    const version = world.state.version
    expect(refused({})).toBeUndefined()
    expect(world.state.version).toBe(version)
  })

  it('is refused when its cancellation came first', () => {
    const world = DeskWorld.ready()
    world.take({ type: 'cancel-reservation', reservationId: 'r1', reason: 'gone' })
    expect(world.reserve('r1').refusal).toBe('conflict')
    expect(freeOf(world.state)).toBe(1)
  })

  it('keeps its place after acceptance until the room tells of the agent', () => {
    const world = DeskWorld.ready()
    world.reserve('r1')
    world.take({ type: 'accept', reservationId: 'r1', connectionId: 'tab' })
    expect(world.types('reservation.accepted')[0]?.data).toEqual({ id: 'r1', connectionId: 'tab' })
    // The room has not heard of it yet: the agent may still be let in.
    world.joined = () => false
    world.advance(120_000)
    expect(freeOf(world.state)).toBe(0)
    // It has taken the acceptance but says that the agent is in the call: its word is on the way.
    world.take({ type: 'acceptance-taken', reservationId: 'r1' })
    world.joined = () => true
    world.advance(60_000)
    expect(freeOf(world.state)).toBe(0)
    world.joined = () => false
    world.advance(30_000)
    expect(shown(world)).toEqual(['available', null, 1])
    // However late, the word of the room counts.
    world.presence('call-r1', 7, 'joined', 'queue')
    expect(shown(world)).toEqual(['busy', null, 0])
  })

  it('is canceled and gives the place free when the room gave the call to another', () => {
    const world = DeskWorld.ready()
    world.reserve('r1')
    world.take({ type: 'accept', reservationId: 'r1', connectionId: 'tab' })
    world.take({ type: 'acceptance-late', reservationId: 'r1' })
    expect(world.types('reservation.canceled')[0]?.data).toEqual({ id: 'r1', reason: 'gone' })
    expect(shown(world)).toEqual(['available', null, 1])
    expect(world.timers.has('unjoined:r1')).toBe(false)
  })

  it('is not set free by a leaving of an earlier stay in the same call', () => {
    const world = DeskWorld.ready({ wrapUpSeconds: 0 })
    takeContact(world, 'r1')
    const leftAt = world.now
    world.presence('call-r1', 6, 'left', 'queue')
    world.advance(5_000)
    world.reserve('r2', 'call-r1')
    world.take({ type: 'accept', reservationId: 'r2', connectionId: null })
    const late = { type: 'presence', callId: 'call-r1', state: 'left', queueId: 'queue' } as const
    // Also where the room's clock is ahead.
    world.take({ ...late, seq: 7, at: world.now + 1000 })
    world.take({ type: 'acceptance-taken', reservationId: 'r2' })
    world.take({ ...late, seq: 8, at: leftAt })
    expect(freeOf(world.state)).toBe(0)
    world.presence('call-r1', 12, 'joined', 'queue')
    expect(world.state.contacts).toHaveLength(1)
    expect(freeOf(world.state)).toBe(0)
  })
})

describe('a call that rings', () => {
  const call = {
    callId: 'c1',
    direction: 'internal',
    from: 'user:a',
    to: 'user:b',
  } as const

  it('rings once, and stops for the reason its room gives', () => {
    const world = new DeskWorld()
    const ringing = { ...call, expiresAt: world.now + 30_000 }
    world.take({ type: 'ring', call: ringing })
    world.take({ type: 'ring', call: ringing })
    expect(world.types('call.status')).toHaveLength(1)
    world.take({ type: 'stop-ring', callId: 'c1', status: 'in-progress' })
    world.take({ type: 'ring', call: ringing })
    expect(world.types('call.status').map(({ data }) => data.status)).toEqual([
      'ringing',
      'in-progress',
    ])
    expect(world.state.ringing).toEqual([])
    // Another time of ringing of the same call.
    world.take({ type: 'ring', call: { ...call, expiresAt: world.now + 60_000 } })
    expect(world.state.ringing).toHaveLength(1)
  })

  it('stops by its time where nobody says so', () => {
    const world = new DeskWorld()
    world.take({ type: 'ring', call: { ...call, expiresAt: world.now + 30_000 } })
    world.advance(30_000)
    expect(world.state.ringing).toEqual([])
    expect(world.types('call.status').at(-1)?.data).toMatchObject({ status: 'no-answer' })
  })

  it('makes nobody an agent: an account without activities is told to no queue', () => {
    const world = new DeskWorld()
    world.take({ type: 'connected' })
    world.presence('c1', 2, 'joined', null)
    world.presence('c1', 3, 'left', 'queue')
    expect(world.told).toEqual([])
    expect(world.types('agent.activity')).toEqual([])
    expect(world.timers.size).toBe(0)
  })
})

describe('queues', () => {
  it('are told at every change, and when they are served no more', () => {
    const world = DeskWorld.ready()
    const told = () => world.told.splice(0).map((one) => ('queueId' in one ? one.queueId : ''))
    told()
    world.queueIds = ['other']
    world.take({ type: 'queues-changed' })
    world.advance(0)
    expect(told().sort()).toEqual(['other', 'queue'])
    expect(standingOf(world.state, 'queue').serves).toBe(false)
    expect(standingOf(world.state, 'other')).toMatchObject({ serves: true, free: 1 })
    world.take({ type: 'choose', name: 'break' })
    expect(told()).toEqual(['other'])
  })

  it('hear of a reservation unless they asked for it: they have the answer', () => {
    const world = DeskWorld.ready()
    world.queueIds = ['queue', 'other']
    world.take({ type: 'queues-changed' })
    world.advance(0)
    world.told.length = 0
    world.reserve('r1')
    expect(world.told).toEqual([{ type: 'queue.standing', queueId: 'other' }])
  })

  it('hear a version that grows with each change', () => {
    const world = DeskWorld.ready()
    const { version } = world.state
    world.reserve('r1')
    expect(standingOf(world.state, 'queue')).toMatchObject({ version: version + 1, free: 0 })
  })
})
