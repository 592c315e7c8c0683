import { DurableObject } from 'cloudflare:workers'
import type { Notification, NotificationStatus } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  err,
  type JsonObject,
  newId,
  ok,
  type Principal,
  problemResponse,
  type Result,
} from '@menagerie/core'
import { Journal, type JournalStorage, type Ticket } from '../journal/index.ts'
import { SocketCount } from '../shared/socket-count.ts'
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
import { ticketAddress } from './ticket-address.ts'

const MAX_EVENTS = 100_000
/** Entries of the feed in a socket's `welcome`. */
const SNAPSHOT_ITEMS = 5

/** The one owner of what is sent to a recipient. Loads, steps, saves, sends; the rules live in notification-state.ts. */
export class Mailbox extends DurableObject<MailboxEnv> {
  readonly #log = new MailboxLog(() => this.now())
  readonly #socketCount: SocketCount
  readonly #journal: Journal<MailboxState>
  readonly #records: MailboxRecords

  constructor(ctx: DurableObjectState, env: MailboxEnv) {
    super(ctx, env)
    this.#socketCount = new SocketCount(ctx.storage.kv)
    const exec: JournalStorage['exec'] = (sql, ...bindings) =>
      ctx.storage.sql.exec(sql, ...bindings).toArray() as never
    this.#journal = new Journal<MailboxState>(ctx, {
      kind: 'mailboxes',
      now: () => this.now(),
      bootId: env.BOOT_ID,
      destinations: mailboxDestinations(env),
      schema: [createMailboxTables],
      retention: { maxAgeMs: KEPT_MS, maxEvents: MAX_EVENTS },
      observe: (what) => {
        this.#log.observe(what)
        if (what.type === 'socket') this.#socketCount.add(what.change)
      },
      sockets: {
        snapshot: () => {
          const items = this.#records.feed(null, SNAPSHOT_ITEMS)
          return { items: items as unknown as JsonObject[] }
        },
        ended: () => false,
        admit: ({ id, sessionId, issuedAt }) =>
          env.USER_SESSIONS.getByName(id).registerSocket(
            sessionId,
            this.#asOwner(),
            issuedAt / 1000,
          ),
        command: async (_, { type }) => ({
          type: 'error',
          code: 'invalid_request',
          detail: `A mailbox does not know frames of type ${type}`,
        }),
        closed: (principal) => this.#closed(principal),
      },
    })
    this.#records = new MailboxRecords({
      journal: this.#journal,
      exec,
      now: () => this.now(),
      moved: (before, after) => this.#log.moved(before, after),
    })
    this.#missSocketsThatAreGone()
  }

  /** Takes a notification in, or finds the one it repeats; the first one makes the mailbox. */
  accept(command: AcceptCommand, context: MailboxContext = {}): Result<Accepted, MailboxError> {
    const accepted = this.#records.accept(command, context)
    this.#log.end('mailbox.accept', accepted.ok && !accepted.value.replayed, { ...context })
    return accepted
  }

  /** A notification as it is now, for its owner and for `notifications:read:all`. */
  get(principal: Principal, id: string): Result<Notification, MailboxError> {
    const maySee =
      this.#isOwner(principal, this.#journal.name) ||
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
    if (this.#journal.exists && !this.#isOwner(principal, this.#journal.name))
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
    this.#log.end('mailbox.delivery', false, { outcome, channel, attempts, ...context })
    return delivered.ok ? ok(delivered.value.phase.status) : delivered
  }

  /** A ticket to the socket, for the owner alone, whose first one makes the mailbox. */
  async issueTicket(principal: Principal, mailbox: string): Promise<Result<Ticket, MailboxError>> {
    if (!this.#isOwner(principal, mailbox)) return err({ code: 'not_found' })
    const opened = this.#records.open(mailbox, principal.id)
    if (!opened.ok) return opened
    return ok(await this.#journal.sockets.issueTicket(principal, ticketAddress(principal.id)))
  }

  /** Closes the sockets of a session that was revoked; returns how many there were. */
  closeSession(sessionId: string, context: MailboxContext = {}): number {
    const closed = this.#journal.sockets.closeSession(sessionId)
    this.#log.end('mailbox.session-closed', closed > 0, { sockets: closed, ...context })
    return closed
  }

  /** The upgrade of `GET /notifications/ws`, with a ticket. */
  override async fetch(request: Request): Promise<Response> {
    try {
      return await this.#journal.sockets.upgrade(request)
    } catch (error) {
      this.#log.observe({ type: 'fault', where: 'upgrade', error })
      const away = new AppError('unavailable', 'The session cannot be checked now')
      const requestId = request.headers.get('x-request-id') ?? newId()
      return problemResponse(away, new URL(request.url).pathname, requestId)
    } finally {
      this.#log.end('mailbox.socket', false)
    }
  }

  override async webSocketMessage(ws: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#journal.sockets.message(ws, message)
    this.#log.end('mailbox.frame', false)
  }

  override webSocketClose(ws: WebSocket, code: number, reason: string): void {
    this.#journal.sockets.close(ws, code, reason)
    this.#log.end('mailbox.socket', false)
  }

  override webSocketError(ws: WebSocket, error: unknown): void {
    this.#journal.sockets.failed(ws, error)
    this.#log.end('mailbox.socket', false)
  }

  override async alarm(): Promise<void> {
    await this.#journal.alarm((timer) => this.#records.ring(timer))
    this.#log.end('mailbox.alarm', false)
  }

  /** Milliseconds since the epoch. */
  protected now(): number {
    return clockOf(this.env).now()
  }

  #isOwner(principal: Principal, mailbox: string): boolean {
    return principal.kind === 'user' && ownerOf(mailbox) === principal.id
  }

  #closed({ id, sessionId }: Principal): void {
    if (this.#journal.sockets.principals.some((other) => other.sessionId === sessionId)) return
    const told = this.env.USER_SESSIONS.getByName(id).unregisterSocket(sessionId, this.#asOwner())
    // Not told, the session only keeps a reference that leads to nothing.
    this.ctx.waitUntil(
      Promise.resolve(told).catch((error: unknown) =>
        this.#log.observe({ type: 'fault', where: 'unregister socket', error }),
      ),
    )
  }

  /** Sockets that went while the object was not there told nobody. */
  #missSocketsThatAreGone(): void {
    if (!this.#journal.exists) return
    try {
      const lost = this.#socketCount.loseAllBut(this.#journal.sockets.count)
      if (lost > 0) this.#log.sockets(-lost)
    } catch (error) {
      // A full disk must not keep the mailbox from being read.
      this.#log.observe({ type: 'fault', where: 'presence', error })
    }
  }

  #asOwner() {
    return { class: 'Mailbox', name: this.#journal.name } as const
  }
}
