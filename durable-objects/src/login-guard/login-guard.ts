import { DurableObject } from 'cloudflare:workers'
import { clockOf } from '@menagerie/core'
import { type Budget, type Spent, spend } from './budget.ts'
import {
  type AccountCount,
  attempt,
  cleared,
  isEmpty,
  isUnsettled,
  noAttempts,
  SETTLE_MS,
  succeeded,
  sweep,
  type Wait,
} from './login-guard-state.ts'

/** What is guarded separately, so that whoever knows a password does not clear the count of codes. */
export type SecretKind = 'password' | 'code'

/** All that an object keeps: one value. */
interface Kept {
  counts: Partial<Record<SecretKind, AccountCount>>
  spent: Spent
  /** The longest stretch that something was spent in, milliseconds. */
  spentMs: number
}

const nothing: Kept = { counts: {}, spent: [], spentMs: 0 }
const KEY = 'kept'
const HOUR_MS = 60 * 60_000
/** Attempts that wait for others at once, at most. */
const MAX_WAITING = 64

/**
 * Exact counts of attempts: `account:{id}` of what was tried on an account, `address:{network}` of what came from one
 * address, `send:{…}` of what was sent. It keeps no name, no address and no secret in clear, and forgets itself once
 * nothing it knows matters. Rules: `login-guard-state.ts`, `budget.ts`.
 */
export class LoginGuard extends DurableObject {
  #kept = this.ctx.storage.kv.get<Kept>(KEY) ?? nothing
  #hasAlarm = this.#kept !== nothing
  readonly #waiting = new Set<() => void>()

  /**
   * Counts an attempt before its secret is looked at. One that is refused only because of attempts whose secrets are
   * being looked at waits for them a moment: when one of them is right, so may this one be.
   *
   * @param from where it comes from, hashed
   * @returns how long the caller must wait, milliseconds; 0 for an attempt that may be looked at
   */
  async attempt(kind: SecretKind, from: string): Promise<Wait> {
    const deadline = this.#now() + SETTLE_MS
    let wait = this.#attempt(kind, from)
    while (wait > 0 && this.#now() < deadline && this.#waiting.size < MAX_WAITING) {
      if (!isUnsettled(this.#count(kind), from, this.#now())) break
      if (!(await this.#success())) break
      wait = this.#attempt(kind, from)
    }
    return wait
  }

  /** The secret was right. */
  succeeded(kind: SecretKind, from: string): void {
    this.#keepCount(kind, succeeded(this.#count(kind), from, this.#now()))
    for (const wake of [...this.#waiting]) wake()
  }

  /** Clears the counts; known addresses stay known. */
  unlock(): void {
    for (const kind of Object.keys(this.#kept.counts) as SecretKind[])
      this.#keepCount(kind, cleared(this.#count(kind)))
  }

  /** Forgets everything. */
  async forget(): Promise<void> {
    this.#kept = nothing
    this.#hasAlarm = false
    await this.ctx.storage.deleteAll()
  }

  /** Spends one of what an address or a number has. @returns how long to wait, milliseconds; 0 where it was spent */
  spend(budgets: readonly Budget[]): Wait {
    const { spent, wait } = spend(this.#kept.spent, budgets, this.#now())
    const spentMs = Math.max(this.#kept.spentMs, ...budgets.map(({ perMs }) => perMs))
    if (wait === 0) this.#keep({ ...this.#kept, spent, spentMs })
    return wait
  }

  /** Forgets what is too old to matter, and with the last of it the object. */
  override async alarm(): Promise<void> {
    const now = this.#now()
    const counts = Object.entries(this.#kept.counts)
      .map(([kind, count]): [string, AccountCount] => [kind, sweep(count, now)])
      .filter(([, count]) => !isEmpty(count))
    const spent = this.#kept.spent.filter(([at]) => at > now - this.#kept.spentMs)
    this.#hasAlarm = false
    if (counts.length === 0 && spent.length === 0) {
      await this.forget()
      return
    }
    this.#keep({ ...this.#kept, counts: Object.fromEntries(counts), spent })
  }

  #now = () => clockOf(this.env as object).now()

  #count = (kind: SecretKind): AccountCount => this.#kept.counts[kind] ?? noAttempts

  #attempt(kind: SecretKind, from: string): Wait {
    const { count, wait } = attempt(this.#count(kind), from, this.#now())
    if (wait === 0) this.#keepCount(kind, count)
    return wait
  }

  #keepCount(kind: SecretKind, count: AccountCount): void {
    this.#keep({ ...this.#kept, counts: { ...this.#kept.counts, [kind]: count } })
  }

  #keep(kept: Kept): void {
    this.#kept = kept
    this.ctx.storage.kv.put(KEY, kept)
    if (this.#hasAlarm) return
    this.#hasAlarm = true
    // What it is about decides how soon it is looked at again; being late matters to nobody.
    const hours = Object.keys(kept.counts).length > 0 ? 24 : Math.max(1, kept.spentMs / HOUR_MS)
    void this.ctx.storage.setAlarm(Date.now() + hours * HOUR_MS)
  }

  /** Whether an attempt succeeded within the time that one takes. */
  async #success(): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const wake = () => resolve(true)
    this.#waiting.add(wake)
    const timer = setTimeout(() => resolve(false), SETTLE_MS)
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      this.#waiting.delete(wake)
    }
  }
}
