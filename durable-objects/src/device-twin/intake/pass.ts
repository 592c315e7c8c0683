import type { BridgeAck, BridgeResult, Downlink } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { CommandStore } from '../commands/command-store.ts'
import { CommandTurn } from '../commands/command-turn.ts'
import type { DeviceState, Happening } from '../device-state.ts'
import type { ChangeRow, TwinStep } from '../document/change.ts'
import { RuleEdges, ruleHappening } from '../rules/rule-edges.ts'
import type { RuleEdge, RuleStanding } from '../rules/threshold.ts'
import type { NewSample } from '../telemetry/telemetry-store.ts'
import type { Reply } from '../twin-messages.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { KnownRejection } from './ledger.ts'
import { type DeviceNumber, type Numbers, takeNumber } from './numbering.ts'
import type { ParsedMessage, Rejected } from './parse-message.ts'
import { rejectedHappening, rejectionId } from './rejection.ts'

/** What the object knows that a batch is judged by. The functions only look. */
export interface BatchKnowledge {
  state: DeviceState
  numbers: Numbers
  hasStream: (name: string) => boolean
  streamCount: number
  /** The device's own number of the latest sample of a stream. */
  latestNumber: (stream: string) => DeviceNumber | undefined
  /** Which of these places hold a sample. Asked once for each batch. */
  knownPlaces: (places: readonly Pick<NewSample, 'stream' | 'at' | 'key'>[]) => ReadonlySet<string>
  hasEvent: (id: string) => boolean
  rejection: (id: string) => KnownRejection | undefined
  /** Stored changes of `desired` after a version, oldest first; `undefined` where they cannot be told. */
  changesSince: (version: number) => readonly ChangeRow[] | undefined
  commands: Pick<CommandStore, 'find' | 'open'>
  now: number
  /** A fresh id, for samples that nothing tells apart. */
  newKey: () => string
}

/** A message with its payload read. */
export interface ReadMessage {
  message: DeviceMessage
  parsed: ParsedMessage
}

/** All that a batch leads to, to be saved together. */
export interface BatchPlan {
  /** In the order of the messages. */
  results: BridgeResult[]
  ack: Omit<BridgeAck, 'deviceId'> | undefined
  samples: NewSample[]
  numbers: Numbers
  eventIds: string[]
  rejections: Map<string, KnownRejection>
  commands: CommandTurn
  state: DeviceState
  /** In the order of arrival. Without any, the journal is not touched. */
  happenings: Happening[]
  /** Steps of the twin's version, for its history. */
  changes: ChangeRow[]
  /** Messages to the device that no event tells of, stored with the rest. */
  replies: Reply[]
  /** Answers to `…/twin/get`. */
  answers: Omit<Downlink, 'id'>[]
}

export const stored: BridgeResult = { result: 'stored' }
export const duplicate: BridgeResult = { result: 'duplicate' }

/** One pass over a batch: the plan as far as it has come, and what its messages share. */
export class Pass {
  readonly known: BatchKnowledge
  readonly plan: BatchPlan
  readonly newStreams = new Set<string>()
  /** The newest number of each stream that this batch has samples of. */
  readonly newest = new Map<string, DeviceNumber>()
  /** Places of samples without a number that are taken, in the tables or by this batch. */
  places = new Set<string>()
  /** Numbers this batch brought, known or new. */
  readonly numbered: DeviceNumber[] = []
  /** Whether the device came online. */
  hasCome = false
  readonly #edges = new RuleEdges()
  /** Many messages of a batch come in one millisecond. */
  #lastArrival: { text: string | undefined; at: number } = { text: undefined, at: 0 }

  constructor(known: BatchKnowledge) {
    this.known = known
    this.plan = {
      results: [],
      ack: undefined,
      samples: [],
      numbers: known.numbers,
      eventIds: [],
      rejections: new Map(),
      commands: new CommandTurn(known.commands),
      state: known.state,
      happenings: [],
      changes: [],
      replies: [],
      answers: [],
    }
  }

  /** A message that was read and is not taken for what it says. */
  refuse(
    message: DeviceMessage,
    detail: string,
    numbers: readonly (DeviceNumber | undefined)[] = [],
  ): BridgeResult {
    const told = numbers.flatMap((number) => number ?? [])
    return this.reject(message, { code: 'invalid_payload', detail, numbers: told })
  }

  /** Records a message once; brought again it gets the same answer and leaves no second record. */
  reject(message: DeviceMessage, rejected: Omit<Rejected, 'kind'>): BridgeResult {
    for (const number of rejected.numbers) {
      this.plan.numbers = takeNumber(this.plan.numbers, number).numbers
      this.numbered.push(number)
    }
    const id = rejectionId(message)
    const before = this.plan.rejections.get(id) ?? this.known.rejection(id)
    const { code, detail } = before ?? rejected
    if (before === undefined) {
      this.plan.rejections.set(id, { code, detail })
      this.happen(rejectedHappening(message, rejected, toTimestamp(this.arrival(message))))
    }
    return { result: 'rejected', code, detail }
  }

  happen(...happenings: Happening[]): void {
    this.plan.happenings.push(...happenings)
  }

  /** A step of the twin's version. */
  step({ state, happenings, rows }: TwinStep): void {
    this.plan.state = state
    this.happen(...happenings)
    this.plan.changes.push(...rows)
  }

  /** Answers the device, after what has happened so far. */
  reply(...messages: readonly Omit<Downlink, 'id'>[]): void {
    const after = this.plan.happenings.at(-1)
    for (const message of messages)
      this.plan.replies.push({ after, message: { ...message, id: `${this.known.newKey()}@link` } })
  }

  /** Whether a message was taken before, by the key of its arrival; from now on it was. */
  repeats(key: string | undefined): boolean {
    if (key === undefined) return false
    if (this.plan.eventIds.includes(key) || this.known.hasEvent(key)) return true
    this.plan.eventIds.push(key)
    return false
  }

  setRules(rules: readonly RuleStanding[]): void {
    if (rules !== this.plan.state.rules) this.plan.state = { ...this.plan.state, rules }
  }

  /** A rule fired or was cleared. */
  crossed(edge: RuleEdge): void {
    if (this.#edges.add(edge)) this.happen(ruleHappening(edge))
  }

  /** Nothing more comes: what was held back is told. */
  end(): void {
    this.happen(...this.#edges.rest().map(ruleHappening))
  }

  /** When the bridge got it, but never later than now: the bridge's clock may be ahead. */
  arrival({ receivedAt }: DeviceMessage): number {
    if (receivedAt !== this.#lastArrival.text) {
      const at = Date.parse(receivedAt)
      const { now } = this.known
      this.#lastArrival = { text: receivedAt, at: Number.isNaN(at) ? now : Math.min(at, now) }
    }
    return this.#lastArrival.at
  }
}

/** Why a number is not taken. */
export const cannotTake = {
  forgotten_epoch: 'The epoch is older than the eight newest',
  too_many_gaps: 'Too many numbers before this one are missing',
} as const
