import { DurableObject } from 'cloudflare:workers'
import { type CommonSettings, clockOf } from '@menagerie/core'
import { Rows, type StoredRow } from './rows.ts'

/** Rows are swept at most this often: an object with many short-lived ones must not wake for each. */
const SWEEP_PAUSE_MS = 60_000

/** One row to keep; its id is what the caller makes of the engine's id, never a secret itself. */
export interface StoreRow {
  model: string
  id: string
  /** JSON. */
  payload: string
  lifetimeMs: number
}

/**
 * What the identity provider's engine keeps, placed so that no realm is one hot object: an object for each grant, and 64
 * shards for what has none. Rows go by an alarm, and the object forgets itself with the last. Rules: `rows.ts`.
 */
export class OAuthStore extends DurableObject<CommonSettings> {
  readonly #now = () => clockOf(this.env).now()
  readonly #rows = new Rows((sql, ...bindings) =>
    this.ctx.storage.sql.exec(sql, ...bindings).toArray(),
  )

  /** Keeps a row; `ended` where the grant is over and nothing was kept. */
  async put({ lifetimeMs, ...row }: StoreRow): Promise<'kept' | 'ended'> {
    const now = this.#now()
    const kept = this.#rows.put({ ...row, expiresAt: now + lifetimeMs }, now)
    if (kept === 'kept') await this.#arm(now + lifetimeMs)
    return kept
  }

  find(model: string, id: string): StoredRow | null {
    return this.#rows.find(model, id, this.#now()) ?? null
  }

  list(model: string): StoredRow[] {
    return this.#rows.list(model, this.#now())
  }

  /** Exactly one caller gets `consumed`, however many ask at once. */
  consume(model: string, id: string): 'consumed' | 'again' | 'unknown' {
    return this.#rows.consume(model, id, this.#now())
  }

  remove(model: string, id: string): void {
    this.#rows.remove(model, id)
  }

  /** Ends the grant this object stands for. */
  async end(lifetimeMs: number): Promise<void> {
    const at = this.#now() + lifetimeMs
    this.#rows.end(at)
    await this.#arm(at)
  }

  override async alarm(): Promise<void> {
    const next = this.#rows.sweep(this.#now())
    if (next !== undefined) return this.#arm(next)
    this.#rows.forget()
    await this.ctx.storage.deleteAll()
  }

  /** The alarm runs by the system's clock, which tests move ours away from. */
  async #arm(at: number): Promise<void> {
    const due = Math.max(at - this.#now(), SWEEP_PAUSE_MS) + Date.now()
    const set = await this.ctx.storage.getAlarm()
    if (set === null || set > due) await this.ctx.storage.setAlarm(due)
  }
}
