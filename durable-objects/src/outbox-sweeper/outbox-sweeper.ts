import { DurableObject } from 'cloudflare:workers'
import {
  type CommonSettings,
  clockOf,
  commonSettings,
  drainOutbox,
  Line,
  Logger,
} from '@menagerie/core'

/** What the object is given by the Worker whose D1 it drains: also a `{NAME}_QUEUE` for each destination. */
export interface OutboxSweeperEnv extends CommonSettings {
  DB: D1Database
}

/** After a drain that could not be done at all. */
const FAULT_PAUSE_MS = 5_000

/**
 * Drains the D1 outbox of the Worker that owns it, by its alarm: one object for each Worker, so that no two senders
 * work on one row. It keeps nothing itself; the rows are the truth.
 */
export class OutboxSweeper extends DurableObject<OutboxSweeperEnv> {
  readonly #now = () => clockOf(this.env).now()
  readonly #logger = new Logger({ service: 'outbox_sweeper', now: this.#now })

  /** Asks for a drain soon: after rows were kept, at the first request of an isolate, and by cron. */
  async wake(): Promise<void> {
    const set = await this.ctx.storage.getAlarm()
    if (set === null || set > Date.now()) await this.ctx.storage.setAlarm(Date.now())
  }

  /** Never throws, and sets the next alarm whatever happens: the platform gives up on an alarm after six failures. */
  override async alarm(): Promise<void> {
    const line = new Line(this.#logger)
    let due: number | undefined = this.#now() + FAULT_PAUSE_MS
    try {
      due = await drainOutbox({
        db: this.env.DB,
        sender: (destination) => this.#sender(destination),
        bootId: commonSettings(this.env).BOOT_ID,
        now: this.#now,
        random: Math.random,
        observe: ({ destination, outcome, count, error }) => {
          line.count('queue_messages_total', { queue: destination, outcome }, count)
          if (error !== undefined) line.raise('warn').add({ destination, error })
        },
      })
    } catch (error) {
      this.#logger.error('The outbox could not be drained', { error })
    } finally {
      await this.#arm(due)
      if (line.hasMetrics) line.end('alarm', { object: 'OutboxSweeper' })
    }
  }

  async #arm(due: number | undefined): Promise<void> {
    if (due === undefined) return
    try {
      // A wake during the drain has set an earlier one, which stands. The alarm runs by the system's clock.
      const at = Math.max(Date.now(), due - (this.#now() - Date.now()))
      const set = await this.ctx.storage.getAlarm()
      if (set === null || set > at) await this.ctx.storage.setAlarm(at)
    } catch (error) {
      this.#logger.error('The alarm could not be set', { error })
    }
  }

  #sender(destination: string): ((bodies: unknown[]) => Promise<void>) | undefined {
    const queue: unknown = Reflect.get(this.env, queueBinding(destination))
    if (!isQueue(queue)) return undefined
    return async (bodies) => {
      await queue.sendBatch(bodies.map((body) => ({ body })))
    }
  }
}

/** The binding of a queue: `dead-letters` → `DEAD_LETTERS_QUEUE`. */
export const queueBinding = (name: string): string =>
  `${name.toUpperCase().replaceAll('-', '_')}_QUEUE`

const isQueue = (value: unknown): value is Queue =>
  typeof value === 'object' && value !== null && 'sendBatch' in value
