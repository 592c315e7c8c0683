import { err, ok, type Result, seal, unseal } from '@menagerie/core'
import type { CredentialBook, Owed } from './credential-book.ts'
import type { CredentialChange, Ended, Issued, LinkError } from './link-types.ts'
import type { BridgeSaid } from './pending-answers.ts'

const PURPOSE = 'menagerie passwords for brokers'

export interface CredentialPostOptions {
  book: CredentialBook
  /** Seals what waits. */
  key: string
  now(): number
  /** Tells the broker by the bridge; `gone` where none is there. */
  tell(asked: { deviceId: string; username: string; password: string | null }): Promise<BridgeSaid>
}

/**
 * What the broker is to know about user names. It is written down before it is told, passwords sealed, and struck out
 * once the broker has confirmed it: what a crash, a bridge that is away or an answer that is lost leaves open is told
 * again. Telling the same twice does no harm.
 */
export class CredentialPost {
  readonly #options: CredentialPostOptions
  #running: Promise<void> | undefined

  constructor(options: CredentialPostOptions) {
    this.#options = options
  }

  /** See `BridgeLinkApi.issueCredentials`. */
  async issue(change: CredentialChange): Promise<Result<Issued, LinkError>> {
    const { book, key, now, tell } = this.#options
    const { deviceId, username, password, others } = change
    const sealed = await seal(key, PURPOSE, password, username)
    const before = book.row(username)
    book.put(username, deviceId, sealed, now())
    const said = await tell({ deviceId, username, password })
    if (typeof said === 'object' && !said.ok) {
      // Unless somebody else has changed it meanwhile.
      if (book.row(username)?.sealed === sealed) book.restore(username, before)
      const why = said.detail === undefined ? '' : `: ${said.detail}`
      return err({
        code: 'unavailable',
        detail: `The broker refused${why}; see the bridge's log`,
      })
    }
    const done = typeof said === 'object'
    if (done) book.brought(username, sealed)
    for (const other of others) book.end(other.username, deviceId, other.endsAt, now())
    if (done) await this.#endNow(others.map((other) => other.username))
    return ok(done ? 'active' : 'waiting')
  }

  /** See `BridgeLinkApi.endCredentials`. */
  async end(deviceId: string, usernames: readonly string[]): Promise<Ended> {
    const { book, now } = this.#options
    const at = now()
    for (const username of usernames) book.end(username, deviceId, at, at)
    await this.#endNow(usernames)
    return usernames.some((username) => (book.row(username)?.ends_at ?? Infinity) <= at)
      ? 'waiting'
      : 'done'
  }

  /** Tells all that is due, until a bridge does not answer. */
  flush(): Promise<void> {
    this.#running ??= this.#flush().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  async #flush(): Promise<void> {
    const { book, now } = this.#options
    book.giveUp(now())
    for (let owed = book.due(now()); owed !== undefined; owed = book.due(now()))
      if (!(await this.#settle(owed))) return
  }

  async #endNow(usernames: readonly string[]): Promise<void> {
    const { book, now } = this.#options
    for (const username of usernames) {
      const owed = book.row(username)
      if (owed?.ends_at == null || owed.ends_at > now()) continue
      if (!(await this.#settle(owed))) return
    }
  }

  /** False when the bridge did not answer: it will not for the next one either. */
  async #settle(owed: Owed): Promise<boolean> {
    const { book, now, tell } = this.#options
    const { username, device_id: deviceId, sealed } = owed
    const password = sealed === null ? null : await this.#open(username, sealed)
    // A newer change may have come while the seal was broken; older words must not follow it.
    if (book.row(username)?.sealed !== sealed) return true
    if (password === undefined) {
      book.abandon(username)
      return true
    }
    const said = await tell({ deviceId, username, password })
    if (typeof said !== 'object' || !said.ok) book.failed(username, now())
    else if (sealed === null) book.ended(username, now())
    else book.brought(username, sealed)
    return typeof said === 'object'
  }

  /** Undefined where the key is not the one that it was sealed with. */
  #open(username: string, sealed: string): Promise<string | undefined> {
    return unseal(this.#options.key, PURPOSE, sealed, username).catch(() => undefined)
  }
}
