import type { FlowStep } from '@menagerie/contracts'
import { expect } from 'vitest'
import type { CallCommand, CallInput, Commander } from '../../src/call-room/call-inputs.ts'
import { messagesOf } from '../../src/call-room/call-messages.ts'
import type { CallEffect, CallJournalEvent, Step } from '../../src/call-room/call-outputs.ts'
import { hasEnded } from '../../src/call-room/call-phase.ts'
import { begin, obey, receive, step } from '../../src/call-room/call-state.ts'
import type { CallState } from '../../src/call-room/call-types.ts'
import { instructionsOf, legInstructionsOf } from '../../src/call-room/instructions.ts'
import { legsOf } from '../../src/call-room/legs.ts'
import type { JournalEvent } from '../../src/journal/index.ts'
import { callDetails, phone, T0, user } from './call-details.ts'

export { T0, user }

export const callSid = 'CA1'
export const [ada, bob, eve] = [user(1), user(2), user(3)] as const
export const people = [ada, bob, eve]
export const queueIds = [user(8), user(9)]
export const other = '+12025550102'
export const third = '+12025550103'

const flow: FlowStep[] = [
  { type: 'say', text: 'Welcome' },
  { type: 'dial', to: `user:${bob}`, timeoutSeconds: 20 },
  { type: 'dial', to: other, timeoutSeconds: 20 },
  { type: 'enqueue', queueId: user(8) },
]
const inbound = { direction: 'inbound', startedBy: null, from: phone, to: '+12025550100' } as const
export const beginnings = {
  outbound: () => begin(callDetails({})),
  'outbound for an agent': () => begin(callDetails({ agentId: bob })),
  'outbound with a flow': () => begin(callDetails({}), flow),
  'outbound into a queue': () => begin(callDetails({}), flow.slice(3)),
  internal: () =>
    begin(callDetails({ direction: 'internal', from: `user:${ada}`, to: `user:${bob}` })),
  inbound: () => receive(callDetails(inbound), callSid, flow),
  waiting: () => receive(callDetails(inbound), callSid, flow.slice(3)),
  'inbound that only speaks': () => receive(callDetails(inbound), callSid, flow.slice(0, 1)),
  'without a flow': () => receive(callDetails(inbound), callSid, null),
} as const

/** Runs a call with everything around it: timers, and what leaves through the outbox. */
export class World {
  state: CallState
  now = T0
  readonly events: CallJournalEvent[] = []
  readonly outbox: string[] = []
  readonly effects: CallEffect[] = []
  readonly timers = new Map<string, number>()
  /** Second legs that the carrier was ordered to dial, and to hang up. */
  readonly placed = new Set<string>()
  readonly dropped = new Set<string>()

  constructor(first: Step) {
    this.state = first.state
    this.#take(first)
  }

  do(input: CallInput): this {
    return this.#took(step(this.#loaded(), input, this.now))
  }

  obey(command: CallCommand, userId: string): boolean {
    const by: Commander = {
      userId,
      connectionId: `${userId}-tab`,
      writes: true,
      oversees: userId === eve,
      managesQueues: userId === eve,
    }
    const next = obey(this.#loaded(), command, by, this.now)
    if (next.ok) this.#took(next.value)
    return next.ok
  }

  advance(ms: number): this {
    const until = this.now + ms
    for (;;) {
      const [next] = [...this.timers].sort((a, b) => a[1] - b[1])
      if (next === undefined || next[1] > until) break
      const [name, at] = next
      this.now = Math.max(this.now, at)
      this.timers.delete(name)
      const [kind, participantId = ''] = name.split(':')
      this.do(
        kind === 'gone'
          ? { type: 'timer.gone', participantId, present: false }
          : ({ type: `timer.${name}` } as CallInput),
      )
    }
    this.now = until
    return this
  }

  get statuses(): string[] {
    return this.events.flatMap((event) => (event.type === 'call.status' ? event.data.status : []))
  }

  /** Every step begins with what was stored: nothing survives in memory that a crash would take. */
  #loaded(): CallState {
    return JSON.parse(JSON.stringify(this.state)) as CallState
  }

  #took(next: Step): this {
    const ended = hasEnded(this.state)
    if (ended) for (const { type } of next.events) expect(type).toBe('call.updated')
    this.state = next.state
    this.#take(next)
    // What the carrier is told can always be said.
    if (instructionsOf(this.state).length === 0) throw new Error('The carrier is told nothing')
    for (const { id, callSid: sid } of legsOf(this.state))
      if (legInstructionsOf(this.state, id, sid ?? '').length !== 1)
        throw new Error('A leg is told nothing')
    return this
  }

  /** Each leg is placed once, and hung up once, after that. */
  #ask(next: Step): void {
    for (const effect of next.effects) {
      if (!('leg' in effect) || effect.leg === undefined) continue
      if (effect.type === 'carrier.place') expect(this.placed.has(effect.leg)).toBe(false)
      else expect(this.placed.has(effect.leg)).toBe(true)
      if (effect.type === 'carrier.place') this.placed.add(effect.leg)
      if (effect.type !== 'carrier.hangup') continue
      expect(this.dropped.has(effect.leg)).toBe(false)
      this.dropped.add(effect.leg)
    }
  }

  #take(next: Step): void {
    const about = next.effects.flatMap((effect) =>
      effect.type.startsWith('carrier.') ? ['leg' in effect ? effect.leg : 'first'] : [],
    )
    if (new Set(about).size < about.length)
      throw new Error('The carrier got two orders about one of its calls in one step')
    this.#ask(next)
    const before = this.events.length
    this.events.push(...next.events)
    const numbered = next.events.map(({ type, data }, index): JournalEvent => {
      const seq = before + index + 1
      const time = new Date(this.now).toISOString()
      return { seq, id: `calls/x:${seq}`, type, version: 1, time, actor: 'x', data }
    })
    const rows = messagesOf(next.state, numbered, next.effects, undefined)
    this.outbox.push(...rows.map(({ id, destination }) => `${destination} ${id}`))
    this.effects.push(...next.effects)
    for (const effect of next.effects) {
      if (effect.type === 'timer.set') this.timers.set(effect.name, effect.at)
      if (effect.type === 'timer.cancel') this.timers.delete(effect.name)
    }
  }
}
