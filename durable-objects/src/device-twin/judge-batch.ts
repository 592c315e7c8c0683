import type { BridgeAck, BridgeResult, RuleState } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { DeviceState, Happening } from './device-state.ts'
import { deltaPayload, statePayload } from './downlinks.ts'
import type { KnownRejection } from './ledger.ts'
import { type DeviceNumber, isAfter, type Numbers, takeNumber } from './numbering.ts'
import type { ParsedMessage, ParsedSample, Rejected } from './parse-message.ts'
import { nextPresence } from './presence-rule.ts'
import { rejectedHappening, rejectionId } from './rejection.ts'
import { arrivalKey, sampleKey } from './sample-keys.ts'
import { type NewSample, placeOf } from './telemetry-store.ts'
import { judge } from './threshold.ts'
import { patchSection } from './twin-document.ts'
import type { DeviceMessage } from './twin-types.ts'

/** Streams a device may have. */
export const MAX_STREAMS = 100

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
  state: DeviceState
  /** In the order of arrival. Without any, the journal is not touched. */
  happenings: Happening[]
  /** Answers to `…/twin/get`. */
  answers: JsonObject[]
}

const stored: BridgeResult = { result: 'stored' }
const duplicate: BridgeResult = { result: 'duplicate' }

/** Decides on messages of one device, in the order of their arrival. Writes nothing. */
export function judgeBatch(batch: readonly ReadMessage[], known: BatchKnowledge): BatchPlan {
  return new Judge(batch, known).run(batch)
}

/** One pass over a batch: the plan as far as it has come. */
class Judge {
  readonly #known: BatchKnowledge
  readonly #plan: BatchPlan
  readonly #newStreams = new Set<string>()
  /** The newest number of each stream that this batch has samples of. */
  readonly #newest = new Map<string, DeviceNumber>()
  /** Places of samples without a number that are taken, in the tables or by this batch. */
  readonly #places: Set<string>
  readonly #numbered: DeviceNumber[] = []
  /** Many messages of a batch come in one millisecond. */
  #lastArrival: { text: string | undefined; at: number } = { text: undefined, at: 0 }

  constructor(batch: readonly ReadMessage[], known: BatchKnowledge) {
    this.#known = known
    this.#places = new Set(known.knownPlaces(batch.flatMap((read) => this.#unnumberedPlaces(read))))
    this.#plan = {
      results: [],
      ack: undefined,
      samples: [],
      numbers: known.numbers,
      eventIds: [],
      rejections: new Map(),
      state: known.state,
      happenings: [],
      answers: [],
    }
  }

  run(batch: readonly ReadMessage[]): BatchPlan {
    for (const { message, parsed } of batch) this.#plan.results.push(this.#take(message, parsed))
    const [newest] = this.#plan.numbers
    if (newest !== undefined && this.#numbered.some(({ epoch }) => epoch === newest.epoch))
      this.#plan.ack = { epoch: newest.epoch, ackedThrough: newest.ackedThrough }
    return this.#plan
  }

  #take(message: DeviceMessage, parsed: ParsedMessage): BridgeResult {
    switch (parsed.kind) {
      case 'telemetry':
        return this.#telemetry(message, parsed.samples)
      case 'event':
        return this.#event(message, parsed)
      case 'presence':
        return this.#presence(parsed)
      case 'reported':
        return this.#reported(message, parsed)
      case 'get':
        this.#plan.answers.push(
          statePayload(this.#plan.state.twin, parsed, toTimestamp(this.#known.now)),
        )
        return stored
      case 'nothing':
        return stored
      case 'rejected':
        return this.#reject(message, parsed)
    }
  }

  #telemetry(message: DeviceMessage, samples: readonly ParsedSample[]): BridgeResult {
    if (message.of.kind !== 'telemetry') throw new Error('A sample comes on a stream')
    const { stream } = message.of
    const { hasStream, streamCount } = this.#known
    const isNewStream = !this.#newStreams.has(stream) && !hasStream(stream)
    if (isNewStream && streamCount + this.#newStreams.size >= MAX_STREAMS)
      return this.#refuse(message, `A device has at most ${MAX_STREAMS} streams`, samples)
    let numbers = this.#plan.numbers
    let rules = this.#plan.state.rules
    let newest = this.#newest.get(stream) ?? this.#known.latestNumber(stream)
    const taken: NewSample[] = []
    const edges: Happening[] = []
    for (const [index, sample] of samples.entries()) {
      const { values, number } = sample
      const text = JSON.stringify(values)
      const at = sample.time ?? this.#arrival(message)
      let key: string
      if (number !== undefined) {
        const next = takeNumber(numbers, number)
        if (next.outcome === 'forgotten_epoch' || next.outcome === 'too_many_gaps')
          return this.#refuse(message, cannotTake[next.outcome])
        numbers = next.numbers
        this.#numbered.push(number)
        if (next.outcome === 'duplicate') continue
        key = `${number.epoch}.${number.seq}`
      } else {
        const told = sampleKey(message, sample, index, text)
        key = told ?? this.#known.newKey()
        const place = placeOf({ stream, at, key })
        if (this.#places.has(place)) continue
        if (told !== undefined) this.#places.add(place)
      }
      taken.push({ stream, at, key, number, values, text })
      // A late sample is kept, but it says nothing of how things stand: a newer one has been judged.
      if (number !== undefined && newest !== undefined && isAfter(newest, number)) continue
      newest = number ?? newest
      const judged = judge(rules, stream, values, at)
      rules = judged.rules
      if (judged.edge !== undefined) edges.push(ruleHappening(judged.edge))
    }
    this.#plan.numbers = numbers
    if (taken.length === 0) return duplicate
    if (newest !== undefined) this.#newest.set(stream, newest)
    if (isNewStream) this.#newStreams.add(stream)
    this.#plan.samples.push(...taken)
    this.#happen(...edges)
    this.#setRules(rules)
    return stored
  }

  #event(
    message: DeviceMessage,
    { data, number, id, time }: Extract<ParsedMessage, { kind: 'event' }>,
  ): BridgeResult {
    if (message.of.kind !== 'event') throw new Error('An event has a name')
    if (number !== undefined) {
      const next = takeNumber(this.#plan.numbers, number)
      if (next.outcome === 'forgotten_epoch' || next.outcome === 'too_many_gaps')
        return this.#refuse(message, cannotTake[next.outcome])
      this.#plan.numbers = next.numbers
      this.#numbered.push(number)
      if (next.outcome === 'duplicate') return duplicate
    } else {
      const told = id ?? arrivalKey(message, message.payload ?? '')
      if (told !== undefined) {
        if (this.#plan.eventIds.includes(told) || this.#known.hasEvent(told)) return duplicate
        this.#plan.eventIds.push(told)
      }
    }
    this.#happen({
      type: 'device.event',
      data: {
        name: message.of.name,
        data,
        time: time === undefined ? null : toTimestamp(time),
        receivedAt: toTimestamp(this.#arrival(message)),
      },
    })
    return stored
  }

  #presence({ presence }: Extract<ParsedMessage, { kind: 'presence' }>): BridgeResult {
    const { state } = this.#plan
    const next = nextPresence(state.presence, presence, this.#known.now)
    if (next === state.presence) return stored
    this.#plan.state = { ...state, presence: next }
    const data = {
      state: next.state,
      previousState: state.presence.state,
      session: next.session,
    }
    const online = next.state === 'online'
    const delta = online ? deltaPayload(state.twin, toTimestamp(this.#known.now)) : undefined
    this.#happen({
      type: 'device.presence',
      data,
      ...(delta === undefined ? {} : { downlink: delta }),
    })
    return stored
  }

  #reported(
    message: DeviceMessage,
    { state: patch, version }: Extract<ParsedMessage, { kind: 'reported' }>,
  ): BridgeResult {
    const { state } = this.#plan
    const patched = patchSection(state.twin, 'reported', patch, toTimestamp(this.#known.now))
    if (!patched.ok) {
      const { code, detail } = patched.error
      return this.#reject(message, {
        code: code === 'not_storable' ? 'invalid_payload' : code,
        detail,
        numbers: [],
      })
    }
    // Before the version: what was taken and is brought again is no conflict.
    if (patched.value === state.twin) return stored
    if (version !== undefined && version !== state.twin.version)
      return this.#refuse(message, `The version is ${state.twin.version}`)
    this.#plan.state = { ...state, twin: patched.value }
    const { desired, reported } = patched.value
    this.#happen({
      type: 'twin.documents',
      data: { version: patched.value.version, desired, reported },
    })
    return stored
  }

  /** Where samples without a number would lie, where that can be told. */
  #unnumberedPlaces({ message, parsed }: ReadMessage) {
    if (parsed.kind !== 'telemetry' || message.of.kind !== 'telemetry') return []
    const { stream } = message.of
    return parsed.samples.flatMap((sample, index) => {
      if (sample.number !== undefined) return []
      const key = sampleKey(message, sample, index, JSON.stringify(sample.values))
      return key === undefined ? [] : [{ stream, at: sample.time ?? this.#arrival(message), key }]
    })
  }

  #refuse(
    message: DeviceMessage,
    detail: string,
    samples: readonly ParsedSample[] = [],
  ): BridgeResult {
    const numbers = samples.flatMap(({ number }) => (number === undefined ? [] : [number]))
    return this.#reject(message, { code: 'invalid_payload', detail, numbers })
  }

  /** Records a message once; brought again it gets the same answer and leaves no second record. */
  #reject(message: DeviceMessage, rejected: Omit<Rejected, 'kind'>): BridgeResult {
    for (const number of rejected.numbers) {
      this.#plan.numbers = takeNumber(this.#plan.numbers, number).numbers
      this.#numbered.push(number)
    }
    const id = rejectionId(message)
    const before = this.#plan.rejections.get(id) ?? this.#known.rejection(id)
    const { code, detail } = before ?? rejected
    if (before === undefined) {
      this.#plan.rejections.set(id, { code, detail })
      this.#happen(rejectedHappening(message, rejected, toTimestamp(this.#arrival(message))))
    }
    return { result: 'rejected', code, detail }
  }

  #happen(...happenings: Happening[]): void {
    this.#plan.happenings.push(...happenings)
  }

  #setRules(rules: readonly RuleState[]): void {
    if (rules !== this.#plan.state.rules) this.#plan.state = { ...this.#plan.state, rules }
  }

  /** When the bridge got it, but never later than now: the bridge's clock may be ahead. */
  #arrival({ receivedAt }: DeviceMessage): number {
    if (receivedAt !== this.#lastArrival.text) {
      const at = Date.parse(receivedAt)
      const { now } = this.#known
      this.#lastArrival = { text: receivedAt, at: Number.isNaN(at) ? now : Math.min(at, now) }
    }
    return this.#lastArrival.at
  }
}

const cannotTake = {
  forgotten_epoch: 'The epoch is older than the eight newest',
  too_many_gaps: 'Too many numbers before this one are missing',
} as const

const ruleHappening = ({
  rule,
  value,
  state,
  at,
}: NonNullable<ReturnType<typeof judge>['edge']>): Happening => ({
  type: 'device.rule',
  data: { rule, value, state, time: toTimestamp(at) } as unknown as JsonObject,
})
