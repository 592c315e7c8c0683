import type { Notification, NotificationStatus } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Principal, type Result } from '@menagerie/core'
import type { FiredTimer, JournalStorage, Ticket } from '../journal/index.ts'
import { SocketObject } from '../shared/socket-object.ts'
import { ticketAddress } from '../shared/ticket-address.ts'
import { mailboxDestinations } from './mailbox-destinations.ts'
import { MailboxLog } from './mailbox-log.ts'
import { ownerOf } from './mailbox-name.ts'
import { MailboxRecords, type MailboxState } from './mailbox-records.ts'
import { createMailboxTables, KEPT_MS } from './mailbox-tables.ts'
import type {
  AcceptCommand,
  Accepted,
  DeliveryReport,
  InboxPage,
  MailboxContext,
  MailboxEnv,
  MailboxError,
} from './mailbox-types.ts'
import { toNotification } from './notification-view.ts'

const MAX_EVENTS = 100_000
/** Entries of the feed in a socket's `welcome`. */
const SNAPSHOT_ITEMS = 5

/** The one owner of what is sent to a recipient. Loads, steps, saves, sends; the rules live in notification-state.ts. */
export class Mailbox extends SocketObject<MailboxEnv, MailboxState> {
  protected readonly class = 'Mailbox'
  protected readonly noun = 'mailbox'
  protected readonly log = new MailboxLog(() => this.now())
  readonly #records: MailboxRecords

  constructor(ctx: DurableObjectState, env: MailboxEnv) {
    super(ctx, env)
    const exec: JournalStorage['exec'] = (sql, ...bindings) =>
      ctx.storage.sql.exec(sql, ...bindings).toArray() as never
    this.begin({
      kind: 'mailboxes',
      destinations: mailboxDestinations(env),
      schema: [createMailboxTables],
      retention: { maxAgeMs: KEPT_MS, maxEvents: MAX_EVENTS },
    })
    this.#records = new MailboxRecords({
      journal: this.journal,
      exec,
      now: () => this.now(),
      moved: ({ before, after }) => this.log.moved(before, after),
    })
  }

  /** Takes a notification in, or finds the one it repeats; the first one makes the mailbox. */
  accept(command: AcceptCommand, context: MailboxContext = {}): Result<Accepted, MailboxError> {
    const accepted = this.#records.accept(command, context)
    this.log.end('mailbox.accept', accepted.ok && !accepted.value.replayed, { ...context })
    return accepted
  }

  /** A notification as it is now, for its owner and for `notifications:read:all`. */
  get(principal: Principal, id: string): Result<Notification, MailboxError> {
    const maySee =
      this.#isOwner(principal, this.journal.name) ||
      principal.permissions.includes('notifications:read:all')
    const state = maySee ? this.#records.find(id) : undefined
    return state === undefined ? err({ code: 'not_found' }) : ok(toNotification(state))
  }

  /** The owner's feed, newest first. A mailbox that was not made yet is empty. */
  inbox(
    principal: Principal,
    beforeSeq: number | null,
    limit: number,
  ): Result<InboxPage, MailboxError> {
    if (this.journal.exists && !this.#isOwner(principal, this.journal.name))
      return err({ code: 'not_found' })
    const items = this.#records.feed(beforeSeq, limit + 1)
    const last = items[limit - 1]
    return ok({
      items: items.slice(0, limit),
      ...(items.length > limit && last !== undefined ? { nextBeforeSeq: last.seq } : {}),
    })
  }

  /**
   * What became of a channel; late, repeated and reordered reports change nothing that they should not.
   *
   * @returns where the notification stands then
   */
  deliveryResult(
    report: DeliveryReport,
    context: MailboxContext = {},
  ): Result<NotificationStatus, MailboxError> {
    const { outcome, channel, attempts } = report
    const delivered = this.#records.deliver(report, context)
    this.log.end('mailbox.delivery', false, { outcome, channel, attempts, ...context })
    return delivered.ok ? ok(delivered.value.phase.status) : delivered
  }

  /** A ticket to the socket, for the owner alone, whose first one makes the mailbox. */
  async issueTicket(principal: Principal, mailbox: string): Promise<Result<Ticket, MailboxError>> {
    if (!this.#isOwner(principal, mailbox)) return err({ code: 'not_found' })
    const opened = this.#records.open(mailbox, principal.id)
    if (!opened.ok) return opened
    return ok(await this.journal.sockets.issueTicket(principal, ticketAddress(principal.id)))
  }

  protected override snapshot() {
    const items = this.#records.feed(null, SNAPSHOT_ITEMS)
    return { items: items as unknown as JsonObject[] }
  }

  protected override hasEnded(): boolean {
    return false
  }

  protected override command(_: Principal, { type }: { type: string }) {
    const detail = `A mailbox does not know frames of type ${type}`
    return { type: 'error', code: 'invalid_request', detail } as const
  }

  protected override ring(timer: FiredTimer): void {
    this.#records.ring(timer)
  }

  #isOwner(principal: Principal, mailbox: string): boolean {
    return principal.kind === 'user' && ownerOf(mailbox) === principal.id
  }
}
