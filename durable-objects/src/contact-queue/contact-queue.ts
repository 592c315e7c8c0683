import type { CreateQueueRequest, PatchQueueRequest, Queue, QueueStats } from '@menagerie/contracts'
import { err, type JsonObject, type JsonValue, newId, ok, type Principal } from '@menagerie/core'
import { type FiredTimer, type JournalInput, timerInput } from '../journal/index.ts'
import { Turns } from '../journal/turns.ts'
import { fail } from '../shared/journal-refusal.ts'
import { ObjectLog } from '../shared/object-log.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { queueDestinations } from './queue-destinations.ts'
import type { QueueInput, QueueState } from './queue-model.ts'
import { QueueRecords } from './queue-records.ts'
import { createQueueTables } from './queue-tables.ts'
import type {
  AgentStanding,
  ContactQueueEnv,
  ContactQueueError,
  OfferedContact,
  QueueContext,
  ReservationOutcome,
  WithdrawnContact,
} from './queue-types.ts'
import { toQueue, toStats, toWaitingContact } from './queue-view.ts'
import { StatsFeed } from './stats-feed.ts'

/** The one owner of a queue. Loads, steps, saves, sends; the rules live in queue-state.ts. */
export class ContactQueue extends SocketObject<ContactQueueEnv, QueueState> {
  protected readonly class = 'ContactQueue'
  protected readonly noun = 'queue'
  protected readonly log = new ObjectLog(
    {
      service: 'communications',
      object: 'ContactQueue',
      sockets: 'communications',
      ownDestinations: ['projection', 'agents', 'desk', 'cancel'],
    },
    () => this.now(),
  )
  readonly #records: QueueRecords
  /** A hundred desks answer at once: they share a commit. */
  readonly #turns: Turns
  readonly #feed = new StatsFeed(
    () => this.#pushStats(),
    () => this.now(),
  )

  constructor(ctx: DurableObjectState, env: ContactQueueEnv) {
    super(ctx, env)
    this.#turns = new Turns(() => ctx.storage.sync())
    this.begin({
      kind: 'queues',
      destinations: queueDestinations(env, {
        stateOf: (reservationId) => this.#records.reservationState(reservationId),
        answered: (answers) => {
          const taken = this.#take('desks', { type: 'answers', answers })
          if (!taken.ok) throw new Error(`The queue's journal answered ${taken.error.code}`)
        },
      }),
      schema: [createQueueTables],
      retention: { maxAgeMs: 30 * 24 * 60 * 60 * 1000, maxEvents: 100_000 },
    })
    this.#records = new QueueRecords({
      journal: this.journal,
      exec: (sql, ...bindings) => ctx.storage.sql.exec(sql, ...bindings).toArray() as never,
      now: () => this.now(),
      newId,
    })
    this.#feed.changed()
  }

  /** Makes the queue; a repeat of the same key gets the same queue. */
  create(
    principal: Principal,
    command: { id: string; key: string | null; request: CreateQueueRequest },
    context: QueueContext = {},
  ) {
    const { id, key, request } = command
    const asked = inputOf(principal.id, key ?? id, request as unknown as JsonObject, context)
    const created = this.#records.create(id, asked, request)
    this.log.end('queue.create', created.ok && !created.value.replayed, {
      user: principal.id,
      queueId: id,
      ...context,
    })
    return created
  }

  get() {
    const state = this.#here
    return state === undefined ? notFound : ok(toQueue(state.settings))
  }

  /** Changes settings; `ifMatch` is the version that the change was made for. */
  patch(
    principal: Principal,
    { patch, ifMatch }: { patch: PatchQueueRequest; ifMatch: number | null },
    context: QueueContext = {},
  ) {
    const state = this.#here
    if (state === undefined) return notFound
    if (ifMatch !== null && ifMatch !== state.settings.version)
      return err({ code: 'precondition_failed' } as const)
    const taken = this.#take(principal.id, { type: 'patch', patch }, context)
    this.log.end('queue.patch', taken.ok, { user: principal.id, ...context })
    return taken.ok ? this.get() : taken
  }

  /** Removes the queue; `conflict` while somebody waits. */
  remove(principal: Principal, context: QueueContext = {}) {
    const taken = this.#take(principal.id, { type: 'remove' }, context)
    this.log.end('queue.remove', taken.ok, { user: principal.id, ...context })
    return taken
  }

  /** The queue as it is now, and its numbers since the day began. */
  stats() {
    const state = this.#here
    return state === undefined ? notFound : ok(this.#statsOf(state))
  }

  /** Who waits, the next one first. */
  contacts(afterPosition: number, limit: number) {
    if (this.#here === undefined) return notFound
    const entries = this.#records.waiting(afterPosition, limit + 1)
    const contacts = entries
      .slice(0, limit)
      .map((entry, index) => toWaitingContact(this.journal.name, entry, afterPosition + index + 1))
    return ok({ contacts, ...(entries.length > limit ? { next: afterPosition + limit } : {}) })
  }

  /** A ticket to the socket. */
  async issueTicket(principal: Principal) {
    if (this.#here === undefined) return notFound
    return ok(await this.journal.sockets.issueTicket(principal))
  }

  /** From rooms: a call asks to wait. */
  offer(contact: OfferedContact, context: QueueContext = {}) {
    return this.#turns.run(() => {
      if (this.#here === undefined) return notFound
      if (this.#records.full) return err({ code: 'overloaded', retryAfterSeconds: 10 } as const)
      const taken = this.#take(contact.callId, { type: 'offer', contact }, context)
      this.log.end('queue.offer', taken.ok, { callId: contact.callId, ...context })
      return taken.ok ? ok({ position: this.#records.positionOf(contact.callId) }) : taken
    })
  }

  /** From rooms: a wait is over without an answer of this queue's. */
  withdraw(contact: WithdrawnContact, context: QueueContext = {}) {
    return this.#turns.run(() => {
      const taken = this.#take(contact.callId, { type: 'withdraw', contact }, context)
      this.log.end('queue.withdraw', taken.ok, { callId: contact.callId, ...context })
      return taken
    })
  }

  /** From desks: where an agent stands. */
  agentChanged(standing: AgentStanding, context: QueueContext = {}) {
    return this.#turns.run(() => {
      const taken = this.#take(standing.agentId, { type: 'agent', standing }, context)
      this.log.end('queue.agent', false, { ...context })
      return taken
    })
  }

  /** From desks: what became of a reservation. */
  reservationEnded(outcome: ReservationOutcome, context: QueueContext = {}) {
    return this.#turns.run(() => {
      const taken = this.#take(outcome.agentId, { type: 'outcome', outcome }, context)
      this.log.end('queue.reservation', taken.ok, { outcome: outcome.outcome, ...context })
      return taken
    })
  }

  protected override snapshot(state: QueueState) {
    const stats: QueueStats = this.#statsOf(state)
    const queue: Queue = toQueue(state.settings)
    return { queue, stats } as unknown as JsonValue
  }

  protected override hasEnded({ removedAt }: QueueState): boolean {
    return removedAt !== null
  }

  protected override command(_: Principal, { type }: { type: string }) {
    const detail = `A queue does not know frames of type ${type}`
    return { type: 'error', code: 'invalid_request', detail } as const
  }

  protected override ring(timer: FiredTimer): void {
    this.#records.take(timerInput(timer), { type: 'wake' })
    this.#feed.changed()
  }

  /** The queue's state, unless it was never made or is removed. */
  get #here(): QueueState | undefined {
    const { state } = this.journal
    return state === undefined || state.removedAt !== null ? undefined : state
  }

  /** Takes in what happened; what is known already is not written. */
  #take(actor: string, input: QueueInput, context: QueueContext = {}) {
    if (this.#here === undefined) return notFound
    const known = this.#records.known(input)
    if (known !== undefined) return known === 'done' ? done : conflict
    const asked = inputOf(actor, newId(), { type: input.type }, context)
    const taken = this.#records.take(asked, input)
    if (!taken.ok) return fail(taken.error)
    this.#feed.changed()
    return taken.value.outcome === 'done' ? done : conflict
  }

  #statsOf(state: QueueState): QueueStats {
    return toStats(state, this.#records.book, this.now())
  }

  #pushStats(): void {
    const state = this.#here
    if (state === undefined || this.journal.sockets.count === 0) return
    const data = this.#statsOf(state) as unknown as JsonObject
    this.journal.sockets.broadcast({ type: 'queue.stats', data })
  }
}

const done = ok(null)
const notFound = err({ code: 'not_found' } as const satisfies ContactQueueError)
const conflict = err({ code: 'conflict' } as const satisfies ContactQueueError)

/** What was asked, in the journal's words. */
const inputOf = (
  actor: string,
  id: string,
  body: JsonObject,
  { traceparent }: QueueContext,
): JournalInput => ({
  actor,
  source: 'service',
  id,
  body,
  ...(traceparent === undefined ? {} : { traceparent }),
})
