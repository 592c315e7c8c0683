import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { freshCall, hasEnded, type LabCall } from './lab-call.ts'

/** More are kept only while they go on. */
const KEPT = 500

/** The carrier's calls, in a file where one is given, so that a restart of the lab forgets none. */
export class CallStore {
  readonly #path: string | undefined
  readonly #calls = new Map<string, LabCall>()

  constructor(path: string | undefined) {
    this.#path = path
    if (path === undefined || !existsSync(path)) return
    for (const call of JSON.parse(readFileSync(path, 'utf8')) as LabCall[])
      this.#calls.set(call.sid, { ...freshCall(), ...call })
  }

  get(sid: string): LabCall | undefined {
    return this.#calls.get(sid)
  }

  byToken(token: string): LabCall | undefined {
    return this.all().find((call) => call.idempotencyToken === token)
  }

  /** Newest first. */
  all(): LabCall[] {
    return [...this.#calls.values()].reverse()
  }

  /** Adds a call, or keeps what was changed in it. */
  save(call: LabCall): void {
    this.#calls.set(call.sid, call)
    this.#forgetOld()
    if (this.#path === undefined) return
    // Written beside and renamed, so that a kill in between leaves the old file whole; it holds what is private.
    const beside = `${this.#path}.new`
    writeFileSync(beside, JSON.stringify([...this.#calls.values()]), { mode: 0o600 })
    renameSync(beside, this.#path)
  }

  /** The oldest go, but none that goes on or whose end is still to be told. */
  #forgetOld(): void {
    if (this.#calls.size <= KEPT) return
    const over = [...this.#calls.values()].filter(
      (call) => hasEnded(call) && call.deliveries.length === 0,
    )
    for (const { sid } of over.slice(0, this.#calls.size - KEPT)) this.#calls.delete(sid)
  }
}
