import { DurableObject } from 'cloudflare:workers'
import type { SocketOwner } from '@menagerie/contracts'
import {
  clockOf,
  commonSettings,
  err,
  type JsonObject,
  Line,
  Logger,
  newId,
  ok,
  type Principal,
  type Result,
} from '@menagerie/core'
import {
  type Decision,
  type FiredTimer,
  Journal,
  type JournalInput,
  type JournalObservation,
  queueDestination,
  timerInput,
} from '../journal/index.ts'
import { hashId, refreshIds } from './refresh-ids.ts'
import { sessionMessages } from './session-messages.ts'
import {
  ended,
  grantOf,
  type OpenSession,
  type SessionGrant,
  toError,
  type UserSessionsEnv,
  type UserSessionsError,
} from './session-results.ts'
import * as sockets from './socket-registrations.ts'
import {
  expiryTimer,
  isAlive,
  noSessions,
  type RevocationReason,
  type SessionCommand,
  type SessionOutcome,
  type SessionsState,
  step,
} from './user-sessions-state.ts'

const retention = { maxAgeMs: 90 * 24 * 60 * 60 * 1000, maxEvents: 10_000 }

/** The one owner of a user's sessions and refresh families. Rules: `user-sessions-state.ts`. */
export class UserSessions extends DurableObject<UserSessionsEnv> {
  readonly #now = () => clockOf(this.env).now()
  readonly #exec = (sql: string, ...bindings: (string | number | null | ArrayBuffer)[]) =>
    this.ctx.storage.sql.exec(sql, ...bindings).toArray() as never
  readonly #ids = refreshIds(this.env.KEY_ENCRYPTION_KEY)
  readonly #logger = new Logger({ service: 'accounts', now: this.#now })
  #line = new Line(this.#logger)
  readonly #journal = new Journal<SessionsState>(this.ctx, {
    kind: 'user-sessions',
    now: this.#now,
    bootId: commonSettings(this.env).BOOT_ID,
    destinations: {
      history: queueDestination(this.env.HISTORY_QUEUE),
      revocations: queueDestination(this.env.REVOCATIONS_QUEUE),
    },
    schema: [sockets.createSocketOwners],
    retention,
    observe: (what) => this.#observe(what),
  })

  /** Opens a session and gives its first refresh token's id. */
  open(session: OpenSession, traceparent?: string): Result<SessionGrant, UserSessionsError> {
    const { userId, sid, clientId, deviceName, acr } = session
    const jti = this.#ids.first(sid)
    const lifetimeMs = Number(this.env.REFRESH_TOKEN_SECONDS) * 1000
    const command: SessionCommand = {
      type: 'open',
      sid,
      clientId,
      deviceName,
      acr,
      lifetimeMs,
      hash: hashId(jti),
    }
    const input = inputOf(userId, `open:${sid}`, { clientId, deviceName, acr }, traceparent)
    const opened = this.#journal.exists
      ? this.#apply(input, command)
      : this.#journal.create(userId, input, (now) =>
          this.#decide(noSessions, command, now, userId, input),
        )
    if (!opened.ok) return err(toError(opened.error))
    const now = this.#journal.state?.sessions[sid]
    return now === undefined ? ended('ended') : ok(grantOf(sid, now, jti, now.createdAt))
  }

  /**
   * Swaps a refresh token for its successor. The token's signature was checked; `jti` is its id. A repeat within ten
   * seconds gets the same successor; a later one ends the session.
   */
  rotate(
    token: { sid: string; jti: string },
    traceparent?: string,
  ): Result<SessionGrant, UserSessionsError> {
    const state = this.#journal.state
    if (state === undefined) return ended('ended')
    const hash = hashId(token.jti)
    const jti = this.#ids.after(token.jti)
    const command: SessionCommand = {
      type: 'rotate',
      sid: token.sid,
      hash,
      successorHash: hashId(jti),
    }
    const outcome = this.#run(state, command, 'refresh', traceparent)
    if (!outcome.ok) return outcome
    if (outcome.value === 'too_fast') return err({ code: 'overloaded', retryAfterSeconds: 1 })
    if (outcome.value !== 'done') return ended(outcome.value)
    const session = this.#journal.state?.sessions[token.sid]
    const rotated = session?.recent.find((recent) => recent.hash === hash)
    return session === undefined || rotated === undefined
      ? ended('ended')
      : ok(grantOf(token.sid, session, jti, rotated.at))
  }

  /** Ends a session; one that has ended already is no error. Others than the user need `users:write`. */
  revoke(
    principal: Principal,
    sid: string,
    reason: RevocationReason,
    traceparent?: string,
  ): Result<null, UserSessionsError> {
    const state = this.#journal.state
    if (state === undefined) return ok(null)
    const own = principal.kind === 'user' && principal.id === this.#journal.name
    if (!own && principal.kind !== 'service' && !principal.permissions.includes('users:write'))
      return err({ code: 'not_found' })
    const outcome = this.#run(state, { type: 'revoke', sid, reason }, principal.id, traceparent)
    return outcome.ok ? ok(null) : outcome
  }

  /** Whether a session stands. */
  alive(sid: string): boolean {
    const state = this.#journal.state
    return state !== undefined && isAlive(state, sid, this.#now())
  }

  /**
   * Tells that an object holds a socket of a session, so that the session's end is told to it.
   *
   * @returns false when the session does not stand: the socket must be refused
   */
  registerSocket(sid: string, owner: SocketOwner): boolean {
    if (!this.alive(sid)) return false
    this.ctx.storage.transactionSync(() => sockets.addSocketOwner(this.#exec, sid, owner))
    return true
  }

  /** The object holds no socket of the session any more. */
  unregisterSocket(sid: string, owner: SocketOwner): void {
    if (this.#journal.exists) sockets.removeSocketOwner(this.#exec, sid, owner)
  }

  override async alarm(): Promise<void> {
    await this.#journal.alarm((timer) => this.#expire(timer))
    if (this.#line.hasMetrics) this.#line.end('alarm', { object: 'UserSessions' })
    this.#line = new Line(this.#logger)
  }

  #expire(timer: FiredTimer): void {
    const sid = timer.name.slice(expiryTimer('').length)
    this.#apply(timerInput(timer), { type: 'revoke', sid, reason: 'expired' })
  }

  /** Runs a command that may change nothing, such as a repeated refresh: then nothing is written. */
  #run(
    state: SessionsState,
    command: SessionCommand,
    actor: string,
    traceparent: string | undefined,
  ): Result<SessionOutcome, UserSessionsError> {
    const trial = step(state, command, this.#now())
    if (trial.events.length === 0) return ok(trial.outcome)
    const applied = this.#apply(
      inputOf(actor, newId(), { command: command.type }, traceparent),
      command,
    )
    return applied.ok ? ok(applied.value.outcome) : err(toError(applied.error))
  }

  #apply(input: JournalInput, command: SessionCommand) {
    return this.#journal.apply(input, (state, now) =>
      this.#decide(state, command, now, this.#journal.name, input),
    )
  }

  #decide(
    state: SessionsState,
    command: SessionCommand,
    now: number,
    userId: string,
    input: JournalInput,
  ): Decision<SessionsState, SessionOutcome> {
    const next = step(state, command, now)
    // Read before `save` deletes them.
    const owners = new Map(
      next.events
        .filter((event) => event.type === 'session.revoked')
        .map(({ sid }) => [sid, this.#journal.exists ? sockets.socketOwners(this.#exec, sid) : []]),
    )
    return {
      state: next.state,
      events: next.events.map(({ type, ...data }) => ({ type, data: data as JsonObject })),
      outcome: next.outcome,
      outbox: (events) =>
        sessionMessages(userId, events, (sid) => owners.get(sid) ?? [], input.traceparent),
      timers: next.timers,
      save: () => {
        for (const sid of owners.keys()) sockets.removeSocketOwners(this.#exec, sid)
      },
    }
  }

  #observe(what: JournalObservation): void {
    switch (what.type) {
      case 'outbox':
        this.#line.count(
          'queue_messages_total',
          { queue: what.destination, outcome: what.outcome },
          what.count,
        )
        return
      case 'fault':
        this.#logger.error('journal', { where: what.where, error: what.error })
        return
      case 'socket':
        return
    }
  }
}

const inputOf = (
  actor: string,
  id: string,
  body: JournalInput['body'],
  traceparent: string | undefined,
): JournalInput => ({
  actor,
  source: 'service',
  id,
  body,
  ...(traceparent === undefined ? {} : { traceparent }),
})
