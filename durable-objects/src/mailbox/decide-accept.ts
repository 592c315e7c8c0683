import { toTimestamp } from '@menagerie/core'
import type { Decision, JournalStorage } from '../journal/types.ts'
import { accept } from './acceptance.ts'
import { decisionOf } from './decision.ts'
import { findDuplicate, findNotification, recordDedupeKey, tidyMailbox } from './mailbox-tables.ts'
import type { AcceptCommand, Accepted, MailboxContext } from './mailbox-types.ts'
import { begin } from './notification-state.ts'
import type { NotificationState, NotificationStep } from './notification-types.ts'
import { acceptedStatus } from './notification-view.ts'
import { toProjected } from './projection.ts'

type AcceptDecision = Omit<Decision<never, Accepted>, 'state'>

/**
 * Decides on a notification that asks to be taken in. One whose id or `dedupeKey` is known is the notification that
 * stands, and nothing happens. Runs inside the journal's transaction.
 */
export function decideAccept(
  exec: JournalStorage['exec'],
  { id, mailbox, request }: AcceptCommand,
  { traceparent }: MailboxContext,
  headSeq: number,
  now: number,
): { decision: AcceptDecision; step?: NotificationStep } {
  tidyMailbox(exec, now)
  // The id comes from the caller's key, so this is a repeat that comes after the journal forgot the key.
  const known = findNotification(exec, id)
  if (known !== undefined) return { decision: standing(known, known.details.decisions, true) }
  const { dedupeKey } = request
  const same = dedupeKey === undefined ? undefined : findDuplicate(exec, dedupeKey, now)
  if (same !== undefined) {
    const why = `Duplicate of ${same.details.id}, which is ${same.phase.status}: its dedupeKey was used at ${toTimestamp(same.details.createdAt)}`
    return { decision: standing(same, [why], false) }
  }
  const { channels, sendAt, expiresAt, decisions } = accept(request, now)
  const { recipient, category, content, critical = false } = request
  // The Worker refuses templates, which are not built yet.
  if (content === undefined) throw new Error('A notification needs its content')
  const step = begin(
    {
      id,
      recipient,
      category,
      content,
      critical,
      sendAt,
      createdAt: now,
      expiresAt,
      decisions,
      traceparent: traceparent ?? null,
    },
    channels,
    now,
  )
  const saved = decisionOf(exec, step, { mailbox, headSeq, now })
  const notification = answer(step.state, decisions)
  const row = toProjected(mailbox, headSeq + step.events.length, step.state)
  return {
    step,
    decision: {
      ...saved,
      save: () => {
        saved.save()
        if (dedupeKey !== undefined) recordDedupeKey(exec, dedupeKey, id, now)
      },
      outcome: { notification, row, replayed: false },
    },
  }
}

const standing = (
  state: NotificationState,
  decisions: string[],
  replayed: boolean,
): AcceptDecision => ({
  events: [],
  outcome: { notification: answer(state, decisions), row: null, replayed },
})

const answer = (state: NotificationState, decisions: string[]): Accepted['notification'] => ({
  id: state.details.id,
  status: acceptedStatus(state),
  sendAt: toTimestamp(state.details.sendAt),
  decisions,
})
