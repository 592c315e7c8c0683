import type { JournalObservation, JournalStorage } from './types.ts'

/** After an alarm that failed for a reason other than a destination or a timer's handler. */
const FAULT_PAUSE_MS = 5_000

/** A part of the work an alarm does, named for the log. */
export type AlarmStep = readonly [where: string, work: () => void | Promise<void>]

export interface AlarmContext {
  storage: Pick<JournalStorage, 'getAlarm' | 'setAlarm'>
  now: () => number
  /** When the first of all that wait is due, milliseconds since the epoch. */
  due: () => number | undefined
  observe: (what: JournalObservation) => void
}

/** The object's one alarm: always set to what is due first, and never given up. */
export class Alarm {
  readonly #context: AlarmContext
  /** The alarm this instance has set; unknown until it sets one. */
  #armedAt: number | undefined
  #runs: Promise<void> = Promise.resolve()
  #running = false

  constructor(context: AlarmContext) {
    this.#context = context
  }

  /** Whether one is being done now. It looks at what waits when it ends, and sets the next. */
  get running(): boolean {
    return this.#running
  }

  /** Sets the alarm to whatever is due first, when that is not what it is set to. */
  rearm(): void {
    if (this.#running) return
    const due = this.#context.due()
    if (due !== undefined && due !== this.#armedAt) void this.at(due)
  }

  /** Sets the alarm; to now when the time has passed. Without `await` it is written with the transaction before it. */
  async at(time: number): Promise<void> {
    this.#armedAt = time
    try {
      await this.#context.storage.setAlarm(Math.max(time, this.#context.now()))
    } catch (error) {
      this.#armedAt = undefined
      this.#fault('alarm', error)
    }
  }

  /** Sets an alarm again that was lost, or that stands later than what waits. */
  async recover(): Promise<void> {
    try {
      const due = this.#context.due()
      if (due === undefined) return
      const set = await this.#context.storage.getAlarm()
      if (set === null || set > due) this.rearm()
    } catch (error) {
      this.#fault('alarm', error)
    }
  }

  /** Does the steps, one alarm after the other, and sets the next alarm whatever happens. Never throws. */
  run(steps: readonly AlarmStep[]): Promise<void> {
    this.#runs = this.#runs.then(() => this.#run(steps))
    return this.#runs
  }

  async #run(steps: readonly AlarmStep[]): Promise<void> {
    const { now, due } = this.#context
    this.#running = true
    this.#armedAt = undefined
    let earliest = 0
    try {
      // Each step alone: what fails in one must not keep the others from running.
      for (const [where, work] of steps) {
        try {
          await work()
        } catch (error) {
          earliest = now() + FAULT_PAUSE_MS
          this.#fault(where, error)
        }
      }
    } finally {
      this.#running = false
      try {
        const next = due()
        if (next !== undefined) await this.at(Math.max(next, earliest))
      } catch (error) {
        this.#fault('alarm', error)
      }
    }
  }

  #fault(where: string, error: unknown): void {
    this.#context.observe({ type: 'fault', where, error })
  }
}
