import type { Decision, JournalStorage } from '../journal/types.ts'
import { messagesOf } from './mailbox-messages.ts'
import { saveNotification } from './mailbox-tables.ts'
import type { NotificationStep } from './notification-types.ts'

/** Where and when a step is saved. */
export interface Place {
  mailbox: string
  /** The newest event's number before the step. */
  headSeq: number
  now: number
}

/** A step in the journal's words: everything it leads to is saved together. */
export function decisionOf(
  exec: JournalStorage['exec'],
  step: NotificationStep,
  { mailbox, headSeq, now }: Place,
): Pick<Required<Decision<never, never>>, 'events' | 'outbox' | 'timers' | 'save'> {
  const entry = step.events.findIndex(({ type }) => type === 'notification.created')
  const inbox = entry < 0 ? undefined : { seq: headSeq + 1 + entry, at: now }
  return {
    events: step.events,
    outbox: (events) => messagesOf(mailbox, step, events, now),
    timers: step.effects.filter((effect) => effect.type !== 'request'),
    save: () => saveNotification(exec, step.state, inbox),
  }
}
