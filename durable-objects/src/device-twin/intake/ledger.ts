import type { RejectionCode } from '@menagerie/contracts'
import type { JournalStorage, SqlRow } from '../../journal/index.ts'
import type { EpochNumbers, Numbers, Range } from './numbering.ts'

const KEPT_MS = 24 * 60 * 60 * 1000
const EVENT_IDS_KEPT = 1000
/** Of either kind, however many come in that time: no device fills its object. */
const MAX_KEPT = 100_000
/** Old ids that one batch forgets beside twice as many as it brings: no batch looks at all that there are. */
const FORGOTTEN_AT_ONCE = 100
/** So often the time of the last message is written where nobody waits for the device to fall silent. */
const CONTACT_EVERY_MS = 1_000

interface NumberingRow extends SqlRow {
  epoch: number
  acked_through: number
  ahead: string
}

interface ContactRow extends SqlRow {
  seen_at: number | null
  link: string
}

interface RejectionRow extends SqlRow {
  code: string
  detail: string
}

export interface KnownRejection {
  code: RejectionCode
  detail: string
}

/** When a device was last heard of (milliseconds since the epoch), and the `BridgeLink` that leads back to it. */
export interface Contact {
  seenAt: number | null
  link: string
}

/**
 * What is known of the messages a device has sent, so that each acts once. What it remembers beside the tables are
 * caches; after a transaction that failed they must be dropped by `forget`.
 */
export class Ledger {
  readonly #exec: JournalStorage['exec']
  #numbers: Numbers | undefined
  #contact: Contact | undefined
  /** Milliseconds since the epoch; nothing is known of what an object before this one has written. */
  #contactWrittenAt = Number.NEGATIVE_INFINITY

  constructor(exec: JournalStorage['exec']) {
    this.#exec = exec
  }

  get numbers(): Numbers {
    this.#numbers ??= this.#exec<NumberingRow>(
      'SELECT epoch, acked_through, ahead FROM numbering ORDER BY epoch DESC',
    ).map(({ epoch, acked_through, ahead }): EpochNumbers => {
      return { epoch, ackedThrough: acked_through, ahead: JSON.parse(ahead) as Range[] }
    })
    return this.#numbers
  }

  /** Keeps what changed; in order that is one row, however many numbers it took in. Runs inside a transaction. */
  saveNumbers(numbers: Numbers): void {
    const before = this.numbers
    if (numbers === before) return
    for (const known of numbers) {
      if (before.includes(known)) continue
      this.#exec(
        'INSERT OR REPLACE INTO numbering (epoch, acked_through, ahead) VALUES (?, ?, ?)',
        known.epoch,
        known.ackedThrough,
        JSON.stringify(known.ahead),
      )
    }
    const oldest = numbers.at(-1)
    if (oldest !== undefined && before.some(({ epoch }) => epoch < oldest.epoch))
      this.#exec('DELETE FROM numbering WHERE epoch < ?', oldest.epoch)
    this.#numbers = numbers
  }

  get contact(): Contact {
    if (this.#contact === undefined) {
      const [row] = this.#exec<ContactRow>('SELECT seen_at, link FROM contact')
      this.#contact = { seenAt: row?.seen_at ?? null, link: row?.link ?? 'default' }
    }
    return this.#contact
  }

  /**
   * Kept at once, but written once a second unless the link changed: no message is worth a page for its time alone.
   *
   * @param isExact whether it is written each time, since an object that comes back must know it to the millisecond
   */
  saveContact(contact: { seenAt: number; link: string }, isExact: boolean): void {
    const { link, seenAt } = this.contact
    this.#contact = contact
    // A clock that was set back is told at once.
    const isWritten = Math.abs(contact.seenAt - this.#contactWrittenAt) < CONTACT_EVERY_MS
    if (!isExact && link === contact.link && seenAt !== null && isWritten) return
    this.#exec('UPDATE contact SET seen_at = ?, link = ?', contact.seenAt, contact.link)
    this.#contactWrittenAt = contact.seenAt
  }

  hasEvent(id: string): boolean {
    return this.#exec('SELECT 1 FROM event_ids WHERE id = ?', id).length > 0
  }

  /**
   * Keeps ids that devices gave their events, for 24 h or the last 1,000, and at most 100,000. Runs inside a transaction.
   */
  saveEvents(ids: readonly string[], now: number): void {
    if (ids.length === 0) return
    for (const id of ids) this.#exec('INSERT INTO event_ids (id, at) VALUES (?, ?)', id, now)
    this.#exec(
      `DELETE FROM event_ids WHERE rowid IN (SELECT rowid FROM event_ids ORDER BY rowid LIMIT ?1)
       AND rowid <= (SELECT max(rowid) FROM event_ids) - iif(at < ?2, ?3, ?4)`,
      2 * ids.length + FORGOTTEN_AT_ONCE,
      now - KEPT_MS,
      EVENT_IDS_KEPT,
      MAX_KEPT,
    )
  }

  /** What the same message was rejected for within the last 24 h. */
  rejection(id: string, now: number): KnownRejection | undefined {
    const [row] = this.#exec<RejectionRow>(
      'SELECT code, detail FROM rejections WHERE id = ? AND at >= ?',
      id,
      now - KEPT_MS,
    )
    return row === undefined ? undefined : { code: row.code as RejectionCode, detail: row.detail }
  }

  /** Keeps rejections for 24 h, and at most 100,000. Runs inside a transaction. */
  saveRejections(rejections: ReadonlyMap<string, KnownRejection>, now: number): void {
    if (rejections.size === 0) return
    this.#exec('DELETE FROM rejections WHERE at < ?', now - KEPT_MS)
    for (const [id, { code, detail }] of rejections)
      this.#exec(
        'INSERT INTO rejections (id, code, detail, at) VALUES (?, ?, ?, ?)',
        id,
        code,
        detail,
        now,
      )
    this.#exec(
      'DELETE FROM rejections WHERE rowid <= (SELECT max(rowid) FROM rejections) - ?',
      MAX_KEPT,
    )
  }

  /** The device is gone: nothing of it comes in any more. Runs inside a transaction. */
  clear(): void {
    for (const table of ['numbering', 'event_ids', 'rejections']) this.#exec(`DELETE FROM ${table}`)
    this.#numbers = undefined
  }

  /** Drops what is remembered: a transaction failed. */
  forget(): void {
    this.#numbers = undefined
    this.#contact = undefined
    this.#contactWrittenAt = Number.NEGATIVE_INFINITY
  }
}
