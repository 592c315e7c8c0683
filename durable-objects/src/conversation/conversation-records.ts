import type { SentMessage } from '@menagerie/contracts'
import { err, type JsonObject, newId, ok, type Result } from '@menagerie/core'
import { timerInput } from '../journal/timers.ts'
import type {
  Applied,
  Decision,
  FiredTimer,
  JournalError,
  JournalInput,
  JournalStorage,
} from '../journal/types.ts'
import type {
  ConversationContext,
  ConversationError,
  InboundMessage,
  MessageContent,
  Sent,
} from './conversation-api.ts'
import { fail } from './conversation-errors.ts'
import { begin, step } from './conversation-state.ts'
import {
  findByClientId,
  findBySid,
  findMessage,
  isMember,
  readMessages,
  undelivered,
  unreadBy,
} from './conversation-tables.ts'
import type {
  ConversationDetails,
  ConversationInput,
  ConversationState,
  ConversationStep,
  MessageReport,
  MessageState,
  Side,
} from './conversation-types.ts'
import { decisionOf } from './decision.ts'
import { toTimerInput } from './timer-inputs.ts'

/** Messages that one step moves; the rest follows in the next. */
const CHUNK = 100

/** What the records need of a journal, be it a Durable Object's or one in memory. */
export interface ConversationJournal {
  readonly exists: boolean
  readonly state: ConversationState | undefined
  head(): { seq: number } | undefined
  create<T>(
    name: string,
    input: JournalInput,
    decide: (now: number) => Decision<ConversationState, T>,
  ): Result<Applied<T>, JournalError>
  apply<T>(
    input: JournalInput,
    decide: (state: ConversationState, now: number) => Decision<ConversationState, T>,
  ): Result<Applied<T>, JournalError>
}

export interface RecordsHost {
  journal: ConversationJournal
  exec: JournalStorage['exec']
  now: () => number
  /** Messages that a saved change made or moved, told once for each change. */
  moved: (messages: readonly MessageState[]) => void
}

/** Who asks, and under which id. */
export interface Asked {
  actor: string
  source: 'http' | 'socket' | 'webhook' | 'carrier'
  id: string
  body?: JsonObject
  context?: ConversationContext
}

/** A message that somebody with an account writes. */
export interface Written {
  id: string
  direction: MessageState['direction']
  from: string
  to: string
  author: string
  content: MessageContent
}

/** A conversation's messages on its journal: each input is one transaction of everything it leads to. */
export class ConversationRecords {
  readonly #host: RecordsHost

  constructor(host: RecordsHost) {
    this.#host = host
  }

  /**
   * Keeps a message, or finds the one it repeats: of an author, a `clientMessageId` says one thing.
   *
   * @param details of the conversation, which the first message makes
   */
  send(details: Omit<ConversationDetails, 'createdAt'>, written: Written, asked: Asked) {
    const { id, author, content } = written
    const known = this.#known(id, author, content.clientMessageId)
    if (known !== undefined)
      return isSame(known, content)
        ? ok<Sent>({ message: answerOf(details.id, known), replayed: true })
        : err<ConversationError>({ code: 'idempotency_mismatch' })
    const body = { ...asked.body, ...content } as unknown as JsonObject
    return this.#write(details, { ...written, sid: null, ...content }, { ...asked, body })
  }

  /** Keeps a message that came in at the carrier, once for each of the carrier's ids. */
  receive(inbound: InboundMessage, context: ConversationContext): Result<Sent, ConversationError> {
    const { id, conversationId, channel, sid, from, to, body, mediaUrls } = inbound
    const known = this.message(id) ?? this.messageOf(sid)
    if (known !== undefined) return ok({ message: answerOf(conversationId, known), replayed: true })
    const written = {
      ...{ id, direction: 'inbound' as const, from, to, author: null, sid, body, mediaUrls },
      clientMessageId: null,
      sendAt: null,
    }
    const asked = { actor: 'carrier', source: 'webhook', id: sid, body: {}, context } as const
    return this.#write({ id: conversationId, channel, customer: from }, written, asked)
  }

  /** What the carrier says of a message. Late, repeated and reordered reports change nothing and are not written. */
  report(
    messageId: string,
    report: MessageReport,
    context: ConversationContext = {},
  ): Result<null, ConversationError> {
    const { sid, status } = report
    const id = JSON.stringify([messageId, sid, status])
    return this.#take({ actor: 'carrier', source: 'webhook', id, context }, () => {
      const message = this.message(messageId)
      return message && { type: 'carrier.report', message, report }
    })
  }

  /** A message will never leave. */
  refuse(messageId: string, reason: string): void {
    const asked = { actor: 'carrier', source: 'carrier', id: newId() } as const
    this.#mustTake(asked, () => {
      const message = this.message(messageId)
      return message && { type: 'carrier.refused', message, reason }
    })
  }

  /** One side has read what the other wrote, up to a number. */
  read(side: Side, upToSeq: number, asked: Asked): Result<null, ConversationError> {
    let next = asked
    for (;;) {
      const waits = this.#unread(side, upToSeq).length
      const taken = this.#take(next, () => ({
        type: 'messages.read',
        messages: this.#unread(side, upToSeq),
      }))
      if (!taken.ok || waits < CHUNK) return taken
      next = { ...asked, id: newId() }
    }
  }

  /** A device of the customer has everything that was said. */
  reached(actor: string): void {
    for (;;) {
      const messages = this.journal.exists ? undelivered(this.#host.exec, CHUNK) : []
      if (messages.length === 0) return
      this.#mustTake({ actor, source: 'socket', id: newId() }, () => ({
        type: 'messages.reached',
        messages,
      }))
    }
  }

  /** Takes in what somebody asks of the conversation as a whole. */
  change<T>(
    asked: Asked,
    input: Extract<ConversationInput, { type: 'assign' | 'resolve' }>,
    answer: (state: ConversationState, seq: number, changed: boolean) => T,
  ): Result<Applied<T>, ConversationError> {
    const applied = this.journal.apply(inputOf(asked), (state, now) => {
      const next = step(state, input, now)
      const seq = this.#headSeq + next.events.length
      return this.#decide(next, answer(next.state, seq, next.state !== state), asked.context)
    })
    return applied.ok ? ok(applied.value) : fail(applied.error)
  }

  /** A timer fired. One that was cancelled or set anew in the meantime leaves nothing to do. */
  ring(timer: FiredTimer): void {
    let moved: readonly MessageState[] = []
    const applied = this.journal.apply(timerInput(timer), (state, now) => {
      const { messageId, input } = toTimerInput(timer)
      const message = this.message(messageId)
      const next = message === undefined ? unchanged(state) : step(state, input(message), now)
      moved = toldIn(next)
      const traceparent = message?.traceparent ?? undefined
      return this.#decide(next, null, traceparent === undefined ? {} : { traceparent })
    })
    if (applied.ok && !applied.value.replayed) this.#host.moved(moved)
  }

  message(id: string): MessageState | undefined {
    return this.journal.exists ? findMessage(this.#host.exec, id) : undefined
  }

  messageOf(sid: string): MessageState | undefined {
    return this.journal.exists ? findBySid(this.#host.exec, sid) : undefined
  }

  /** Messages before a number, newest first; the newest of all where that is `null`. */
  list(beforeSeq: number | null, limit: number): MessageState[] {
    if (!this.journal.exists) return []
    return readMessages(this.#host.exec, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit)
  }

  isMember(userId: string): boolean {
    return isMember(this.#host.exec, userId)
  }

  get journal(): ConversationJournal {
    return this.#host.journal
  }

  get #headSeq(): number {
    return this.journal.head()?.seq ?? 0
  }

  #known(id: string, author: string, clientMessageId: string | null): MessageState | undefined {
    if (!this.journal.exists) return undefined
    const named =
      clientMessageId === null
        ? undefined
        : findByClientId(this.#host.exec, author, clientMessageId)
    // The id may come from the caller's key, so this is a repeat that comes after the journal forgot the key.
    return named ?? this.message(id)
  }

  #unread(side: Side, upToSeq: number): MessageState[] {
    return this.journal.exists ? unreadBy(this.#host.exec, side, upToSeq, CHUNK) : []
  }

  #write(
    details: Omit<ConversationDetails, 'createdAt'>,
    written: Omit<Written, 'author' | 'content'> &
      MessageContent & { author: string | null; sid: string | null },
    asked: Asked,
  ): Result<Sent, ConversationError> {
    const { journal } = this.#host
    const { sid, ...fields } = written
    let made: readonly MessageState[] = []
    const decide = (before: ConversationStep, now: number) => {
      const message: MessageState = {
        ...fields,
        seq: null,
        acceptedSeq: 0,
        channel: details.channel,
        carrierSid: sid,
        status: 'queued',
        reason: null,
        createdAt: now,
        updatedAt: now,
        traceparent: asked.context?.traceparent ?? null,
      }
      const next = step(before.state, { type: 'message.written', message }, now)
      made = toldIn(next)
      const both: ConversationStep = {
        ...next,
        events: [...before.events, ...next.events],
        effects: [...before.effects, ...next.effects],
      }
      // The last event is the message's own.
      const seq = this.#headSeq + both.events.length
      return this.#decide(both, { id: message.id, seq }, asked.context)
    }
    const input = inputOf(asked)
    const applied = journal.exists
      ? journal.apply(input, (state, now) => decide(unchanged(state), now))
      : journal.create(details.id, input, (now) =>
          decide(begin({ ...details, createdAt: now }), now),
        )
    if (!applied.ok) return fail(applied.error)
    const { outcome, replayed } = applied.value
    if (!replayed) this.#host.moved(made)
    return ok({
      message: {
        id: outcome.id,
        conversationId: details.id,
        seq: outcome.seq,
        status: 'queued',
      },
      replayed,
    })
  }

  /** Takes in something that happened; what changes nothing is not written. */
  #take(
    asked: Asked,
    toInput: () => ConversationInput | undefined,
  ): Result<null, ConversationError> {
    const { state } = this.journal
    const input = toInput()
    if (state === undefined || input === undefined) return err({ code: 'not_found' })
    const now = this.#host.now()
    if (step(state, input, now).state === state) return ok(null)
    let moved: readonly MessageState[] = []
    const applied = this.journal.apply(inputOf(asked), (current, at) => {
      const next = step(current, input, at)
      moved = toldIn(next)
      return this.#decide(next, null, asked.context)
    })
    if (!applied.ok) return fail(applied.error)
    // What could not be kept has not happened, and must not be counted.
    if (!applied.value.replayed) this.#host.moved(moved)
    return ok(null)
  }

  /** @throws Error where the journal cannot keep it: it happens again */
  #mustTake(asked: Asked, toInput: () => ConversationInput | undefined): void {
    const taken = this.#take(asked, toInput)
    if (!taken.ok && taken.error.code !== 'not_found')
      throw new Error(`The conversation's journal answered ${taken.error.code}`)
  }

  #decide<T>(next: ConversationStep, outcome: T, context: ConversationContext = {}) {
    return decisionOf(this.#host.exec, next, outcome, this.#headSeq, context.traceparent)
  }
}

const unchanged = (state: ConversationState): ConversationStep => ({
  state,
  messages: [],
  events: [],
  effects: [],
})

/** The messages that are new or reached another status. */
const toldIn = ({ messages, events }: ConversationStep): MessageState[] =>
  messages.filter(({ id }) =>
    events.some(
      ({ type, data }) =>
        (type === 'message.created' || type === 'message.status') && data.id === id,
    ),
  )

/** What was asked, in the journal's words. */
const inputOf = ({ actor, source, id, body = {}, context = {} }: Asked): JournalInput => ({
  actor,
  source,
  id,
  body,
  ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
})

const isSame = (known: MessageState, { body, mediaUrls, sendAt }: MessageContent): boolean =>
  known.body === body &&
  known.sendAt === sendAt &&
  JSON.stringify(known.mediaUrls) === JSON.stringify(mediaUrls)

/** What its sender was told. */
const answerOf = (conversationId: string, { id, acceptedSeq }: MessageState): SentMessage => ({
  id,
  conversationId,
  seq: acceptedSeq,
  status: 'queued',
})
