import type { CreateQueueRequest, Queue } from '@menagerie/contracts'
import { ok, type Result } from '@menagerie/core'
import type {
  Applied,
  Decision,
  JournalError,
  JournalInput,
  JournalStorage,
} from '../journal/types.ts'
import { fail } from '../shared/journal-refusal.ts'
import type { RecordsJournal } from '../shared/object-records.ts'
import type { BookChanges, QueueBook } from './queue-book.ts'
import { messagesOf, type Sending } from './queue-messages.ts'
import type { QueueInput, QueueState, QueueStep, WaitingEntry } from './queue-model.ts'
import { begin, step } from './queue-state.ts'
import { loadBook, pastOf, readWaiting, saveBook } from './queue-tables.ts'
import type { ContactQueueError } from './queue-types.ts'
import { toQueue } from './queue-view.ts'

/** More that wait than this are refused: nobody would ever get to them. */
const MAX_WAITING = 50_000
/** How long CloudEvents wait for others to leave with. */
const LATER_MS = 500

export interface RecordsHost {
  journal: RecordsJournal<QueueState>
  exec: JournalStorage['exec']
  now: () => number
  newId: () => string
}

/** A queue on its journal: each input is one transaction of everything it leads to. */
export class QueueRecords {
  readonly #host: RecordsHost
  /** A cache of the tables. */
  #book: QueueBook | undefined
  /** When CloudEvents leave. A cache: without it a batch more leaves. */
  #laterAt = 0

  constructor(host: RecordsHost) {
    this.#host = host
  }

  get book(): QueueBook {
    this.#book ??= loadBook(this.#host.exec)
    return this.#book
  }

  get full(): boolean {
    return this.book.waiting >= MAX_WAITING
  }

  create(
    id: string,
    asked: JournalInput,
    { name, skills, priority, reservationTimeoutSeconds, serviceLevelSeconds }: CreateQueueRequest,
  ): Result<{ queue: Queue; replayed: boolean }, ContactQueueError> {
    const created = this.#host.journal.create(id, asked, (now) => {
      const first = begin(
        {
          id,
          name,
          skills,
          priority,
          reservationTimeoutSeconds,
          serviceLevelSeconds,
          version: 1,
          createdAt: now,
          updatedAt: now,
        },
        now,
      )
      return {
        ...decisionOf(first, this.#sending(asked, now)),
        outcome: toQueue(first.state.settings),
      }
    })
    if (!created.ok) return fail(created.error)
    return ok({ queue: created.value.outcome, replayed: created.value.replayed })
  }

  /** What an input that changes nothing is answered with; `undefined` for one that has to be taken. */
  known(input: QueueInput): QueueStep['answer'] | undefined {
    const { book } = this
    switch (input.type) {
      case 'offer': {
        const { callId, offer } = input.contact
        return (this.#newestOffer(callId) ?? 0) >= offer ? 'done' : undefined
      }
      case 'withdraw': {
        const { callId, offer } = input.contact
        if (book.contact(callId) !== undefined) return undefined
        return (this.#newestOffer(callId) ?? 0) >= offer ? 'done' : undefined
      }
      case 'agent':
        return this.#isOld(input.standing) ? 'done' : undefined
      case 'outcome': {
        const { reservationId, outcome, standing } = input.outcome
        if (!this.#isOld(standing) || book.contactOf(reservationId) !== undefined) return undefined
        if (outcome !== 'accepted') return 'done'
        const over = pastOf(this.#host.exec).reservation(reservationId)
        return over?.outcome === 'accepted' ? 'done' : undefined
      }
      case 'answers': {
        const news = input.answers.some(({ reservationId, outcome }) => {
          const { reservation } = book.contactOf(reservationId) ?? {}
          if (reservation == null) return false
          const told = book.agent(reservation.agentId)?.standing.reservations ?? []
          // What its desk's standing counts already needs no note.
          return outcome !== 'pending' || !told.includes(reservationId)
        })
        return news ? undefined : 'done'
      }
      case 'patch':
      case 'remove':
      case 'wake':
        return undefined
    }
  }

  /** Decides on an input and saves all it leads to, or nothing. */
  take(asked: JournalInput, input: QueueInput): Result<Applied<QueueStep['answer']>, JournalError> {
    const { journal, exec, newId } = this.#host
    const past = pastOf(exec)
    // A book that was changed for a decision that is not kept must not be believed.
    const { book } = this
    this.#book = undefined
    const applied = journal.apply(asked, (state, now) => {
      const next = step(state, book, past, input, now, newId)
      const changes = book.takeChanges()
      return {
        ...decisionOf(next, this.#sending(asked, now), state.wakeAt),
        outcome: next.answer,
        save: () => saveBook(exec, book, changes satisfies BookChanges, now),
      }
    })
    if (applied.ok) this.#book = book
    return applied
  }

  /** 0 for one that does not wait. */
  positionOf(callId: string): number {
    const entry = this.book.contact(callId)
    return entry === undefined ? 0 : this.book.positionOf(entry)
  }

  waiting(afterPosition: number, limit: number): WaitingEntry[] {
    return readWaiting(this.#host.exec, afterPosition, limit)
  }

  reservationState(reservationId: string): 'asked' | 'known' | 'over' {
    const { reservation } = this.book.contactOf(reservationId) ?? {}
    if (reservation == null) return 'over'
    return reservation.knownAt === null ? 'asked' : 'known'
  }

  #sending({ traceparent }: JournalInput, now: number): Sending {
    // A clock that was set back must not hold anything for longer.
    if (this.#laterAt <= now || this.#laterAt > now + LATER_MS) this.#laterAt = now + LATER_MS
    return { traceparent, laterAt: this.#laterAt }
  }

  #isOld({ agentId, version }: { agentId: string; version: number }): boolean {
    const known = this.book.agent(agentId)
    return known !== undefined && known.standing.version >= version
  }

  #newestOffer(callId: string): number | undefined {
    return this.book.contact(callId)?.offer ?? pastOf(this.#host.exec).contact(callId)?.offer
  }
}

/** A step in the journal's words: everything it leads to is saved together. */
function decisionOf(
  { state, events, effects }: QueueStep,
  sending: Sending,
  wakeAt: number | null = null,
): Omit<Decision<QueueState, never>, 'outcome'> {
  return {
    state,
    events,
    outbox: (numbered) => messagesOf(state, numbered, effects, sending),
    timers:
      state.wakeAt === null || state.wakeAt === wakeAt
        ? []
        : [{ type: 'timer.set', name: 'wake', at: state.wakeAt }],
  }
}
