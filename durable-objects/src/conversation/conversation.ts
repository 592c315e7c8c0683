import { type Conversation as ConversationView, closeCodes } from '@menagerie/contracts'
import { err, type JsonValue, newId, ok, type Principal, type Result } from '@menagerie/core'
import type { ClientFrame, FiredTimer, JournalStorage, Ticket } from '../journal/index.ts'
import { SocketObject } from '../shared/socket-object.ts'
import type {
  Changed,
  ConversationContext,
  ConversationEnv,
  ConversationError,
  InboundMessage,
  MessagesPage,
  SendCommand,
  Sent,
} from './conversation-api.ts'
import { conversationDestinations } from './conversation-destinations.ts'
import { readFrame, refusalOf } from './conversation-frames.ts'
import { accountOf } from './conversation-id.ts'
import { ConversationLog } from './conversation-log.ts'
import { type Asked, ConversationRecords } from './conversation-records.ts'
import { createConversationTables } from './conversation-tables.ts'
import type { ConversationInput, ConversationState, MessageReport } from './conversation-types.ts'
import {
  mustKnow,
  reachCustomer,
  readUpTo,
  refuseMessage,
  reportMessage,
  ringMessage,
} from './message-progress.ts'
import { toConversation, toMessage } from './message-view.ts'
import { type NewDetails, receiveMessage, sendMessage } from './message-writing.ts'
import { isCustomer, isStaff, maySee, mayWrite, sideOf } from './visibility.ts'
import { writtenBy } from './written-by.ts'

const RETENTION = { maxAgeMs: 90 * 24 * 60 * 60 * 1000, maxEvents: 100_000 }
/** Messages in a socket's `welcome`. */
const SNAPSHOT_MESSAGES = 20

/** The one owner of a customer's thread. Loads, steps, saves, sends; the rules live in conversation-state.ts. */
export class Conversation extends SocketObject<ConversationEnv, ConversationState> {
  protected readonly class = 'Conversation'
  protected readonly noun = 'conversation'
  protected readonly log = new ConversationLog(() => this.now())
  readonly #records: ConversationRecords

  constructor(ctx: DurableObjectState, env: ConversationEnv) {
    super(ctx, env)
    const exec: JournalStorage['exec'] = (sql, ...bindings) =>
      ctx.storage.sql.exec(sql, ...bindings).toArray() as never
    this.begin({
      kind: 'conversations',
      destinations: conversationDestinations(env, {
        exec,
        now: () => this.now(),
        conversationId: () => this.journal.name,
        message: (id) => this.#records.message(id),
        isKnown: (sid) => this.#records.messageOf(sid) !== undefined,
        report: (id, report) => mustKnow(reportMessage(this.#records, id, report)),
        refuse: (id, reason) => refuseMessage(this.#records, id, reason),
      }),
      schema: [createConversationTables],
      retention: RETENTION,
    })
    this.#records = new ConversationRecords({
      journal: this.journal,
      exec,
      now: () => this.now(),
      moved: (messages) => this.log.moved(messages),
    })
    try {
      // The object may have gone between an assignment and its closes.
      this.#closeStrangers()
      // What was said just before the object went reached the sockets that stayed.
      this.#deliver()
    } catch (error) {
      // A full disk must not keep the object from being read.
      this.log.observe({ type: 'fault', where: 'delivered', error })
    }
  }

  /** Sends a message, once; the first one makes the conversation of its customer. */
  send(
    principal: Principal,
    command: SendCommand,
    context: ConversationContext = {},
  ): Result<Sent, ConversationError> {
    const { conversationId, channel, customer, key, id, content } = command
    const state = customer === null ? this.#visible(principal) : this.journal.state
    if (customer === null && state === undefined) return err({ code: 'not_found' })
    const details = state?.details ?? { id: conversationId, channel, customer: customer ?? '' }
    const asked = { actor: principal.id, source: 'http', id: key ?? id, context } as const
    const body = { id, channel, customer }
    const sent = this.#send(principal, details, { id, channel, content }, { ...asked, body })
    const changed = sent.ok && !sent.value.replayed
    this.log.end('conversation.send', changed, { user: principal.id, ...context })
    return sent
  }

  /** Takes a message in that came in at the carrier, once; the first one makes the conversation. */
  receive(
    message: InboundMessage,
    context: ConversationContext = {},
  ): Result<Sent, ConversationError> {
    const received = receiveMessage(this.#records, message, context)
    this.log.end('conversation.receive', received.ok && !received.value.replayed, { ...context })
    return received
  }

  /** What the carrier tells of a message; late, repeated and reordered reports change nothing that they should not. */
  messageStatus(
    messageId: string,
    report: MessageReport,
    context: ConversationContext = {},
  ): Result<null, ConversationError> {
    const told = reportMessage(this.#records, messageId, report, context)
    this.log.end('conversation.carrier', false, { messageId, ...context })
    return told
  }

  /** The conversation as it is now. */
  get(principal: Principal): Result<ConversationView, ConversationError> {
    const state = this.#visible(principal)
    return state === undefined ? err({ code: 'not_found' }) : ok(this.#show(state))
  }

  /** Its messages, newest first. */
  messages(
    principal: Principal,
    beforeSeq: number | null,
    limit: number,
  ): Result<MessagesPage, ConversationError> {
    const state = this.#visible(principal)
    if (state === undefined) return err({ code: 'not_found' })
    const found = this.#records.list(beforeSeq, limit + 1)
    const messages = found.slice(0, limit).map((one) => toMessage(state.details.id, one))
    const last = messages.at(-1)
    return ok({
      messages,
      ...(found.length > limit && last !== undefined ? { nextBeforeSeq: last.seq } : {}),
    })
  }

  /** Gives it to an agent, or to nobody. `conflict` once it is resolved. */
  assign(
    principal: Principal,
    agentId: string | null,
    key: string | null,
    context: ConversationContext = {},
  ): Result<Changed, ConversationError> {
    return this.#change(principal, { type: 'assign', agentId }, key, context)
  }

  /** Closes it until the next message. `conflict` when it is closed already. */
  resolve(
    principal: Principal,
    key: string | null,
    context: ConversationContext = {},
  ): Result<Changed, ConversationError> {
    return this.#change(principal, { type: 'resolve' }, key, context)
  }

  /** A ticket to the socket. */
  async issueTicket(principal: Principal): Promise<Result<Ticket, ConversationError>> {
    if (this.#visible(principal) === undefined) return err({ code: 'not_found' })
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  protected override snapshot(state: ConversationState): JsonValue {
    const messages = this.#records
      .list(null, SNAPSHOT_MESSAGES)
      .map((message) => toMessage(state.details.id, message))
    return { ...this.#show(state), messages } as unknown as JsonValue
  }

  protected override hasEnded(): boolean {
    return false
  }

  /** A customer who is back has what was said meanwhile: `welcome` and what follows it bring it. */
  protected override opened(principal: Principal): void {
    const state = this.journal.state
    if (state !== undefined && isCustomer(principal, state))
      reachCustomer(this.#records, principal.id)
  }

  protected override command(principal: Principal, frame: ClientFrame, connectionId: string) {
    const state = this.#visible(principal)
    if (state === undefined) return refusalOf({ code: 'not_found' })
    const read = readFrame(frame)
    switch (read?.type) {
      case 'message.send': {
        const { clientMessageId, body } = read.data
        const content = { body, mediaUrls: [], clientMessageId, sendAt: null }
        const { channel } = state.details
        const written = { id: newId(), channel, content }
        const asked = this.#asked(principal, frame)
        const sent = this.#send(principal, state.details, written, asked)
        return sent.ok
          ? ({ type: 'ack', seq: sent.value.message.seq } as const)
          : refusalOf(sent.error)
      }
      case 'message.read': {
        // Who may only look on leaves no trace.
        if (!isStaff(principal) && !isCustomer(principal, state))
          return refusalOf({ code: 'forbidden' })
        const side = sideOf(principal, state)
        const done = readUpTo(this.#records, side, read.data.seq, this.#asked(principal, frame))
        return done.ok ? ({ type: 'ack', seq: this.#seq } as const) : refusalOf(done.error)
      }
      case 'typing': {
        if (!mayWrite(principal, state)) return refusalOf({ code: 'forbidden' })
        const { id } = principal
        const others = { exceptConnectionId: connectionId, to: (one: Principal) => one.id !== id }
        this.journal.sockets.broadcast({ type: 'typing', data: { from: id } }, others)
        return undefined
      }
    }
    return read
  }

  protected override ring(timer: FiredTimer): void {
    ringMessage(this.#records, timer)
    this.#deliver()
  }

  #send(
    principal: Principal,
    details: NewDetails,
    asking: Pick<SendCommand, 'id' | 'channel' | 'content'>,
    asked: Asked,
  ): Result<Sent, ConversationError> {
    const { state } = this.journal
    const written = writtenBy(principal, asking, details, state, this.env.CARRIER_NUMBER)
    if (!written.ok) return written
    const sent = sendMessage(this.#records, details, written.value, asked)
    if (sent.ok && !sent.value.replayed) this.#deliver()
    return sent
  }

  /** A customer whose socket is open has what was just said. */
  #deliver(): void {
    const state = this.journal.state
    if (state?.details.channel !== 'chat') return
    const account = accountOf(state.details.customer)
    if (account !== undefined && this.isHere(account)) reachCustomer(this.#records, account)
  }

  #change(
    principal: Principal,
    input: Extract<ConversationInput, { type: 'assign' | 'resolve' }>,
    key: string | null,
    context: ConversationContext,
  ): Result<Changed, ConversationError> {
    if (this.#visible(principal) === undefined) return err({ code: 'not_found' })
    if (!isStaff(principal)) return err({ code: 'forbidden' })
    const id = key ?? newId()
    const asked = { actor: principal.id, source: 'http', id, body: { ...input }, context } as const
    const applied = this.#records.change(asked, input, (state, seq, changed) => ({
      // What is resolved already, or must be open for that, stays as it is.
      accepted: input.type === 'resolve' ? changed : state.status === 'open',
      conversation: toConversation(state, seq),
    }))
    this.log.end(`conversation.${input.type}`, applied.ok, { user: principal.id, ...context })
    if (!applied.ok) return applied
    this.#closeStrangers()
    const { accepted, conversation } = applied.value.outcome
    if (!accepted) return err({ code: 'conflict' })
    return ok({ conversation, replayed: applied.value.replayed })
  }

  #asked(principal: Principal, { id = newId(), type, data, traceparent }: ClientFrame): Asked {
    const context = traceparent === undefined ? {} : { traceparent }
    return { actor: principal.id, source: 'socket', id, body: { type, ...data }, context }
  }

  #visible(principal: Principal): ConversationState | undefined {
    const state = this.journal.state
    const isMember = (id: string) => this.#records.isMember(id)
    return state !== undefined && maySee(principal, state, isMember) ? state : undefined
  }

  /** Whoever had only to answer hears no more once it is somebody else's. */
  #closeStrangers(): void {
    const strange = (principal: Principal) => this.#visible(principal) === undefined
    this.journal.sockets.closeWhere(strange, closeCodes.forbidden, 'not assigned')
  }

  #show(state: ConversationState): ConversationView {
    return toConversation(state, this.#seq)
  }

  get #seq(): number {
    return this.journal.head()?.seq ?? 0
  }
}
