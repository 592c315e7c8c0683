import { beginDesk, stepDesk } from './desk-state.ts'
import type {
  DeskEffect,
  DeskEvent,
  DeskInput,
  DeskState,
  DeskTimerInput,
} from './desk-state-types.ts'

type Told = Extract<DeskEffect, { type: `queue.${string}` | `room.${string}` }>

/** A desk with a clock and timers, for tests: steps it, keeps what it told, and fires what is due. */
export class DeskWorld {
  now = 1_000_000
  state: DeskState
  readonly events: DeskEvent[] = []
  readonly told: Told[] = []
  readonly timers = new Map<string, number>()
  /** What the timers learn when they ask. */
  queueIds = ['queue']
  joined: (callId: string) => boolean | null = () => null

  constructor(id = 'agent') {
    this.state = beginDesk(id, this.now)
  }

  /** An agent who serves `queue`, is connected and available. */
  static ready(profile: Partial<DeskState['profile']> = {}): DeskWorld {
    const world = new DeskWorld()
    world.take({ type: 'configure', profile: { ...world.state.profile, ...profile } })
    world.take({ type: 'connected' })
    world.take({ type: 'choose', name: 'available' })
    world.advance(0)
    return world
  }

  take(input: DeskInput) {
    const step = stepDesk(this.state, input, this.now)
    this.state = step.state
    this.events.push(...step.events)
    for (const effect of step.effects)
      switch (effect.type) {
        case 'timer.set':
          this.timers.set(effect.name, effect.at)
          break
        case 'timer.cancel':
          this.timers.delete(effect.name)
          break
        default:
          this.told.push(effect)
      }
    return step
  }

  reserve(id: string, callId = `call-${id}`, seconds = 20) {
    return this.take({
      type: 'reserve',
      reservationId: id,
      callId,
      queueId: 'queue',
      offer: 1,
      skills: [],
      expiresAt: this.now + seconds * 1000,
    })
  }

  presence(callId: string, seq: number, state: 'joined' | 'left', queueId: string | null) {
    return this.take({ type: 'presence', callId, seq, state, queueId, at: this.now })
  }

  /** Time passes; timers fire in their order. */
  advance(ms: number): void {
    const until = this.now + ms
    for (;;) {
      const [next] = [...this.timers].sort(([, a], [, b]) => a - b)
      if (next === undefined || next[1] > until) break
      const [name, at] = next
      this.timers.delete(name)
      this.now = Math.max(this.now, at)
      this.take(this.#timer(name))
    }
    this.now = until
  }

  /** The desk cannot run for a while; what has become due fires then. */
  outage(ms: number): void {
    this.now += ms
    this.advance(0)
  }

  types(type: string): DeskEvent[] {
    return this.events.filter((event) => event.type === type)
  }

  #timer(name: string): DeskTimerInput {
    const [kind, id = ''] = name.split(':')
    switch (kind) {
      case 'reservation':
        return { type: 'timer.reservation', reservationId: id }
      case 'work':
        return { type: 'timer.work' }
      case 'away':
        return { type: 'timer.away', present: false }
      case 'ring':
        return { type: 'timer.ring', callId: id }
      case 'unjoined': {
        const callId = this.state.reservations.find((one) => one.id === id)?.callId ?? ''
        return { type: 'timer.unjoined', reservationId: id, joined: this.joined(callId) }
      }
      case 'queues':
        return { type: 'timer.queues', queueIds: this.queueIds }
    }
    throw new Error(`No timer ${name}`)
  }
}
