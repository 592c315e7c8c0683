import { standingOf } from '../../src/agent-desk/desk-standing.ts'
import { beginDesk, stepDesk } from '../../src/agent-desk/desk-state.ts'
import type { DeskInput, DeskState, DeskStep } from '../../src/agent-desk/desk-state-types.ts'
import type { QueueInput } from '../../src/contact-queue/queue-model.ts'
import { assert } from './assert.ts'
import type { Mail } from './mail.ts'
import type { Random } from './random.ts'

/** What the desks need of the world. */
export interface DesksHost {
  random: Random
  mail: Mail
  now: () => number
  queueIds: () => string[]
  /** @returns false when the queue could not keep it */
  ask: (queueId: string, input: QueueInput) => boolean
  /** The room's word on an acceptance. */
  accepted: (callId: string, offer: number, reservationId: string, agentId: string) => boolean
  /** Whose the call is. */
  agentOf: (callId: string) => string | null | undefined
}

/** Desks by their real rules. */
export class SimDesks {
  readonly #host: DesksHost
  readonly #desks = new Map<string, DeskState>()
  readonly #timers = new Map<string, Map<string, number>>()

  constructor(host: DesksHost) {
    this.#host = host
  }

  get all(): DeskState[] {
    return [...this.#desks.values()]
  }

  get(agentId: string): DeskState | undefined {
    return this.#desks.get(agentId)
  }

  /** Somebody comes to work. */
  hire(id: string): void {
    const { random } = this.#host
    this.#desks.set(id, beginDesk(id, this.#host.now()))
    this.#timers.set(id, new Map())
    const profile = {
      displayName: null,
      // Somebody can take everything.
      skills: (id === 'a0' ? undefined : random.of([['en'], ['fr'], []])) ?? ['en', 'fr'],
      queueIds: null,
      capacity: 1 + random.below(2),
      wrapUpSeconds: random.of([0, 5]) ?? 0,
    }
    this.act(id, { type: 'configure', profile })
    this.act(id, { type: 'connected' })
    this.act(id, { type: 'choose', name: 'available' })
  }

  act(agentId: string, input: DeskInput): true {
    this.step(agentId, input)
    return true
  }

  /** Timers and when they are due. */
  *due(): Generator<{ at: number; run: () => void }> {
    for (const [agentId, timers] of this.#timers)
      for (const [name, at] of timers)
        yield {
          at,
          run: () => {
            timers.delete(name)
            this.act(agentId, this.#timerInput(agentId, name))
          },
        }
  }

  step(agentId: string, input: DeskInput): DeskStep | undefined {
    const before = this.#desks.get(agentId)
    if (before === undefined) return undefined
    const step = stepDesk(before, input, this.#host.now())
    const { state } = step
    this.#desks.set(agentId, state)
    // Word of a joining may come after the call was left: then the desk errs, and on the safe side.
    const talks = state.contacts.filter(
      ({ callId }) => this.#host.agentOf(callId) === agentId,
    ).length
    const kept = state.reservations.filter((one) => one.state === 'pending' || one.holds).length
    const { capacity } = state.profile
    assert(talks + kept <= capacity, `${agentId} has no more than it can take: ${talks} + ${kept}`)
    const timers = this.#timers.get(agentId)
    for (const effect of step.effects)
      switch (effect.type) {
        case 'timer.set':
          timers?.set(effect.name, effect.at)
          break
        case 'timer.cancel':
          timers?.delete(effect.name)
          break
        case 'queue.standing':
          this.#tellStanding(agentId, effect.queueId)
          break
        case 'queue.ended': {
          const { queueId, reservationId, outcome, at } = effect
          const standing = standingOf(state, queueId)
          this.#host.mail.send(`${outcome} ${reservationId}`, () =>
            this.#host.ask(queueId, {
              type: 'outcome',
              outcome: { reservationId, agentId, outcome, at, standing },
            }),
          )
          break
        }
        case 'room.accepted': {
          const { callId, offer, reservationId } = effect
          this.#host.mail.send(`acceptance ${reservationId}`, () => {
            const taken = this.#host.accepted(callId, offer, reservationId, agentId)
            const type = taken ? 'acceptance-taken' : 'acceptance-late'
            return this.act(agentId, { type, reservationId })
          })
          break
        }
        case 'room.work':
          break
      }
    return step
  }

  #tellStanding(agentId: string, queueId: string): void {
    const desk = this.#desks.get(agentId)
    if (desk === undefined) return
    const then = standingOf(desk, queueId)
    this.#host.mail.send(`standing ${agentId} ${then.version}`, () => {
      const now = this.#desks.get(agentId) ?? desk
      // Read when it leaves, which may be long before it arrives.
      const standing = this.#host.random.chance(0.5) ? then : standingOf(now, queueId)
      return this.#host.ask(queueId, { type: 'agent', standing })
    })
  }

  #timerInput(agentId: string, name: string): DeskInput {
    const [kind, id = ''] = name.split(':')
    switch (kind) {
      case 'reservation':
        return { type: 'timer.reservation', reservationId: id }
      case 'work':
        return { type: 'timer.work' }
      case 'away':
        return { type: 'timer.away', present: false }
      case 'unjoined': {
        const callId = this.#desks.get(agentId)?.reservations.find((one) => one.id === id)?.callId
        const joined = this.#host.agentOf(callId ?? '') === agentId
        return { type: 'timer.unjoined', reservationId: id, joined }
      }
      case 'queues':
        return { type: 'timer.queues', queueIds: this.#host.queueIds() }
    }
    throw new Error(`The simulation does not know the timer "${name}"`)
  }
}
