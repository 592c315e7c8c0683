import type { InboxItem } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import { timerInput } from '../journal/timers.ts'
import type {
  Applied,
  Decision,
  FiredTimer,
  JournalError,
  JournalInput,
  JournalStorage,
} from '../journal/types.ts'
import { decideAccept } from './decide-accept.ts'
import { decisionOf } from './decision.ts'
import { fail } from './mailbox-errors.ts'
import { findNotification, readInbox } from './mailbox-tables.ts'
import type {
  AcceptCommand,
  Accepted,
  DeliveryReport,
  MailboxContext,
  MailboxError,
} from './mailbox-types.ts'
import { step } from './notification-state.ts'
import type { NotificationInput, NotificationState } from './notification-types.ts'
import { toInboxItem } from './notification-view.ts'
import { toTimerInput } from './timer-inputs.ts'

/** What the journal keeps of the mailbox as a whole. Everything that changes lies in the mailbox's tables. */
export interface MailboxState {
  openedAt: number
}

/** What the records need of a journal, be it a Durable Object's or one in memory. */
export interface MailboxJournal {
  readonly exists: boolean
  readonly name: string
  head(): { seq: number } | undefined
  create<T>(
    name: string,
    input: JournalInput,
    decide: (now: number) => Decision<MailboxState, T>,
  ): Result<Applied<T>, JournalError>
  apply<T>(
    input: JournalInput,
    decide: (state: MailboxState, now: number) => Decision<MailboxState, T>,
  ): Result<Applied<T>, JournalError>
}

export interface RecordsHost {
  journal: MailboxJournal
  exec: JournalStorage['exec']
  now: () => number
  /** A notification was kept, or moved on; told once for each change that was saved. */
  moved: (before: NotificationState | undefined, after: NotificationState) => void
}

/** A mailbox's notifications on its journal: each input is one transaction of everything it leads to. */
export class MailboxRecords {
  readonly #host: RecordsHost

  constructor(host: RecordsHost) {
    this.#host = host
  }

  /** Makes the mailbox before anything is sent to it. Once it is there, nothing happens. */
  open(mailbox: string, actor: string): Result<null, MailboxError> {
    const { journal } = this.#host
    if (journal.exists) return ok(null)
    const opening = { actor, source: 'service', id: 'open', body: {} }
    const opened = journal.create(mailbox, opening, (now) => ({
      state: { openedAt: now },
      events: [],
      outcome: null,
    }))
    return opened.ok ? ok(null) : fail(opened.error)
  }

  /** Takes a notification in, or finds the one it repeats; the first one makes the mailbox. */
  accept(command: AcceptCommand, context: MailboxContext): Result<Accepted, MailboxError> {
    const { journal, exec, moved } = this.#host
    const { id, mailbox, actor, source, key, request } = command
    const input: JournalInput = {
      actor,
      source,
      id: key ?? id,
      // What a rule says of one event may read otherwise tomorrow, and is the same notification.
      body: source === 'rule' ? { id } : { id, request: request as unknown as JsonObject },
      ...(context.traceparent === undefined ? {} : { traceparent: context.traceparent }),
    }
    let taken: NotificationState | undefined
    const decide = (state: MailboxState, now: number): Decision<MailboxState, Accepted> => {
      const decided = decideAccept(exec, command, context, this.#headSeq, now)
      taken = decided.step?.state
      return { state, ...decided.decision }
    }
    const accepted = journal.exists
      ? journal.apply(input, decide)
      : journal.create(mailbox, input, (now) => decide({ openedAt: now }, now))
    if (!accepted.ok) return fail(accepted.error)
    const { outcome, replayed } = accepted.value
    if (!replayed && taken !== undefined) moved(undefined, taken)
    return ok({ ...outcome, replayed: replayed || outcome.replayed })
  }

  /** A notification as it is now. */
  find(id: string): NotificationState | undefined {
    return this.#host.journal.exists ? findNotification(this.#host.exec, id) : undefined
  }

  /** The feed before a number, newest first; all of it where that is `null`. */
  feed(beforeSeq: number | null, limit: number): InboxItem[] {
    if (!this.#host.journal.exists) return []
    return readInbox(this.#host.exec, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit).map(
      ({ state, seq, at }) => toInboxItem(state, seq, at),
    )
  }

  /** What became of a channel. Late, repeated and reordered reports change nothing and are not written. */
  deliver(
    report: DeliveryReport,
    { traceparent }: MailboxContext,
  ): Result<NotificationState, MailboxError> {
    const { notificationId: id, ...outcome } = report
    const known = this.find(id)
    if (known === undefined) return err({ code: 'not_found' })
    const input: NotificationInput = { type: 'delivery', ...outcome }
    if (step(known, input, this.#host.now()).state === known) return ok(known)
    const applied = this.#apply(id, input, {
      actor: 'deliveries',
      source: 'service',
      id: JSON.stringify([id, outcome.channel, outcome.outcome, outcome.attempts]),
      body: { type: 'delivery' },
      ...(traceparent === undefined ? {} : { traceparent }),
    })
    return applied.ok ? ok(this.find(id) ?? known) : applied
  }

  /** A timer fired. One that was cancelled or set anew in the meantime leaves nothing to do. */
  ring(timer: FiredTimer): void {
    const { notificationId, input } = toTimerInput(timer.name)
    this.#apply(notificationId, input, timerInput(timer))
  }

  #apply(id: string, input: NotificationInput, asked: JournalInput): Result<null, MailboxError> {
    const { journal, exec, moved } = this.#host
    let change: { before: NotificationState; after: NotificationState } | undefined
    const applied = journal.apply(asked, (state, now): Decision<MailboxState, null> => {
      const before = findNotification(exec, id)
      // One that was tidied away leaves nothing to do but to take its timer.
      if (before === undefined) return { state, events: [], outcome: null }
      const next = step(before, input, now)
      change = { before, after: next.state }
      const place = { mailbox: journal.name, headSeq: this.#headSeq, now }
      return { state, outcome: null, ...decisionOf(exec, next, place) }
    })
    if (!applied.ok) return fail(applied.error)
    // What could not be kept has not happened, and must not be counted.
    if (!applied.value.replayed && change !== undefined) moved(change.before, change.after)
    return ok(null)
  }

  get #headSeq(): number {
    return this.#host.journal.head()?.seq ?? 0
  }
}
