import type { InboxItem } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import { timerInput } from '../journal/timers.ts'
import type { FiredTimer, JournalInput } from '../journal/types.ts'
import { ObjectRecords, traced } from '../shared/object-records.ts'
import { decideAccept } from './decide-accept.ts'
import { decisionOf } from './decision.ts'
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

/** A notification was kept (`before` is missing), or moved on. */
export interface NotificationMove {
  before?: NotificationState
  after: NotificationState
}

/** A mailbox's notifications on its journal: each input is one transaction of everything it leads to. */
export class MailboxRecords extends ObjectRecords<MailboxState, NotificationMove> {
  /** Makes the mailbox before anything is sent to it. Once it is there, nothing happens. */
  open(mailbox: string, actor: string): Result<null, MailboxError> {
    if (this.journal.exists) return ok(null)
    const opening = { actor, source: 'service', id: 'open', body: {} }
    const opened = this.keepFirst(mailbox, opening, (_, now) => ({
      state: { openedAt: now },
      events: [],
      outcome: null,
    }))
    return opened.ok ? ok(null) : opened
  }

  /** Takes a notification in, or finds the one it repeats; the first one makes the mailbox. */
  accept(command: AcceptCommand, context: MailboxContext): Result<Accepted, MailboxError> {
    const { id, mailbox, actor, source, key, request } = command
    const input: JournalInput = {
      actor,
      source,
      id: key ?? id,
      // What a rule says of one event may read otherwise tomorrow, and is the same notification.
      body: source === 'rule' ? { id } : { id, request: request as unknown as JsonObject },
      ...traced(context.traceparent),
    }
    const accepted = this.keepFirst(mailbox, input, (state, now) => {
      const { decision, step } = decideAccept(this.host.exec, command, context, this.headSeq, now)
      const moved = step && { after: step.state }
      return { state: state ?? { openedAt: now }, ...decision, moved }
    })
    if (!accepted.ok) return accepted
    const { outcome, replayed } = accepted.value
    return ok({ ...outcome, replayed: replayed || outcome.replayed })
  }

  /** A notification as it is now. */
  find(id: string): NotificationState | undefined {
    return this.journal.exists ? findNotification(this.host.exec, id) : undefined
  }

  /** The feed before a number, newest first; all of it where that is `null`. */
  feed(beforeSeq: number | null, limit: number): InboxItem[] {
    if (!this.journal.exists) return []
    return readInbox(this.host.exec, beforeSeq ?? Number.MAX_SAFE_INTEGER, limit).map(
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
    if (step(known, input, this.host.now()).state === known) return ok(known)
    const applied = this.#apply(id, input, {
      actor: 'deliveries',
      source: 'service',
      id: JSON.stringify([id, outcome.channel, outcome.outcome, outcome.attempts]),
      body: { type: 'delivery' },
      ...traced(traceparent),
    })
    return applied.ok ? ok(this.find(id) ?? known) : applied
  }

  /** A timer fired. One that was cancelled or set anew in the meantime leaves nothing to do. */
  ring(timer: FiredTimer): void {
    const { notificationId, input } = toTimerInput(timer.name)
    this.#apply(notificationId, input, timerInput(timer))
  }

  #apply(id: string, input: NotificationInput, asked: JournalInput): Result<null, MailboxError> {
    const kept = this.keep(asked, (state, now) => {
      const before = findNotification(this.host.exec, id)
      // One that was tidied away leaves nothing to do but to take its timer.
      if (before === undefined) return { state, events: [], outcome: null }
      const next = step(before, input, now)
      const place = { mailbox: this.journal.name, headSeq: this.headSeq, now }
      const moved = { before, after: next.state }
      return { state, outcome: null, ...decisionOf(this.host.exec, next, place), moved }
    })
    return kept.ok ? ok(null) : kept
  }
}
