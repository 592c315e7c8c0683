import type { JournalFollower } from './collaborators.ts'
import { forgetOldInputs } from './inputs.ts'
import type { Outbox } from './outbox.ts'
import { applyRetention, nextRetention, type Retention } from './retention.ts'
import type { Exec } from './schema.ts'
import { nextTimer } from './timers.ts'

export interface UpkeepContext {
  exec: Exec
  outbox: Outbox
  retention: Retention | undefined
  follower: () => JournalFollower | undefined
}

/** What a journal must do without being asked: forget what is old, and know when it is needed next. */
export class Upkeep {
  readonly #context: UpkeepContext

  constructor(context: UpkeepContext) {
    this.#context = context
  }

  /** Forgets old inputs, messages and events. Runs inside a transaction. */
  tidy(now: number): void {
    const { exec, outbox, retention } = this.#context
    forgetOldInputs(exec, now)
    outbox.tidy(now)
    if (retention !== undefined) applyRetention(exec, retention, now)
  }

  /** When the first of timers, messages, sockets and retention is due, milliseconds since the epoch. */
  nextDue(now: number): number | undefined {
    const { exec, outbox, follower } = this.#context
    const due = [
      nextTimer(exec),
      outbox.nextDue(now),
      follower()?.nextDue(),
      this.#nextRetention(now),
    ].filter((at) => at !== undefined)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  #nextRetention(now: number): number | undefined {
    const { exec, outbox, retention } = this.#context
    if (retention === undefined) return undefined
    const due = nextRetention(exec, retention)
    if (due === undefined || due > now) return due
    // What waits in the outbox holds old events back, and brings the alarm itself.
    return outbox.waits() ? undefined : due
  }
}
