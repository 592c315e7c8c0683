import { createHash, randomUUID } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

export const inboxKinds = ['email', 'sms', 'push', 'webhook'] as const
export type InboxKind = (typeof inboxKinds)[number]

/** A message that arrived. */
export interface InboxEntry {
  id: string
  /** Addresses, a phone number, a subscription's id or a webhook's name. */
  to: string[]
  from?: string
  subject?: string
  /** Text; HTML of an e-mail without text, base64 of what is no UTF-8. */
  body: string
  /** Where the sender of a text wants to hear how it stands. */
  callback?: string
  /** How a text stands; `queued` unless told. */
  status?: 'sent' | 'delivered'
  /** Milliseconds since the epoch. */
  receivedAt: number
}

/** A request that carried an `Idempotency-Key`. */
interface KnownKey {
  kind: InboxKind
  key: string
  id: string
  hash: string
  at: number
}

export type Taken =
  | { outcome: 'new' | 'repeated'; entry: InboxEntry }
  | { outcome: 'other_request' }

const KEPT = 1_000
const KEY_KEPT_MS = 24 * 60 * 60_000

/**
 * What arrived at the lab's inboxes, the newest 1,000 of each, in a file where one is given, so that a restart forgets
 * none. A key that was used in the last 24 hours brings nothing in again, also after its inbox was emptied.
 */
export class InboxStore {
  readonly #path: string | undefined
  readonly #inboxes: Record<InboxKind, InboxEntry[]> = { email: [], sms: [], push: [], webhook: [] }
  #keys: KnownKey[] = []

  constructor(path: string | undefined) {
    this.#path = path
    if (path === undefined || !existsSync(path)) return
    const kept = JSON.parse(readFileSync(path, 'utf8')) as {
      inboxes: Record<InboxKind, InboxEntry[]>
      keys: KnownKey[]
    }
    Object.assign(this.#inboxes, kept.inboxes)
    this.#keys = kept.keys
  }

  /** Newest first. */
  list(kind: InboxKind, to?: string): InboxEntry[] {
    const all = [...this.#inboxes[kind]].reverse()
    return to === undefined ? all : all.filter((entry) => entry.to.includes(to))
  }

  /** Takes a message in; the same key and message are one. */
  add(
    kind: InboxKind,
    message: Omit<InboxEntry, 'id' | 'receivedAt'>,
    key: string | undefined,
    now: number,
  ): Taken {
    const hash = createHash('sha256').update(JSON.stringify(message)).digest('hex')
    this.#keys = this.#keys.filter(({ at }) => now - at < KEY_KEPT_MS)
    const known = this.#keys.find((one) => one.kind === kind && one.key === key)
    if (known !== undefined && known.hash !== hash) return { outcome: 'other_request' }
    if (known !== undefined)
      return { outcome: 'repeated', entry: { ...message, id: known.id, receivedAt: known.at } }
    const entry = { ...message, id: randomUUID(), receivedAt: now }
    this.#inboxes[kind] = [...this.#inboxes[kind], entry].slice(-KEPT)
    if (key !== undefined) this.#keys.push({ kind, key, id: entry.id, hash, at: now })
    this.#save()
    return { outcome: 'new', entry }
  }

  /** A text got further on its way. */
  setStatus(kind: InboxKind, id: string, status: NonNullable<InboxEntry['status']>): void {
    const entry = this.#inboxes[kind].find((one) => one.id === id)
    if (entry === undefined) return
    entry.status = status
    this.#save()
  }

  empty(kind: InboxKind): void {
    this.#inboxes[kind] = []
    this.#save()
  }

  #save(): void {
    if (this.#path === undefined) return
    // Written beside and renamed, so that a kill in between leaves the old file whole; it holds what is private.
    const beside = `${this.#path}.new`
    writeFileSync(beside, JSON.stringify({ inboxes: this.#inboxes, keys: this.#keys }), {
      mode: 0o600,
    })
    renameSync(beside, this.#path)
  }
}
