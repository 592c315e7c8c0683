import {
  clockOf,
  commonSettings,
  err,
  type JsonObject,
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
  queueDestination,
  timerInput,
} from '../journal/index.ts'
import { ObjectLog } from '../shared/object-log.ts'
import { type AuditActor, sessionMessages } from './session-messages.ts'
import { toError, type UserSessionsEnv, type UserSessionsError } from './session-results.ts'
import { expiryTimer } from './session-step.ts'
import {
  type SessionCommand,
  type SessionOutcome,
  type SessionsState,
  upcastState,
} from './session-types.ts'
import * as sockets from './socket-registrations.ts'
import { noSessions, step } from './user-sessions-state.ts'

const retention = { maxAgeMs: 90 * 24 * 60 * 60 * 1000, maxEvents: 10_000 }

/** Who makes a change: a principal, `system` for accounts itself, `nobody` for who only showed a refresh token. */
export type Actor = Principal | 'system' | 'nobody'

/** The history of a user's sessions: every change, with what the queues are told of it, in one transaction. */
export class SessionJournal {
  readonly exec: Parameters<typeof sockets.socketOwners>[0]
  readonly now: () => number
  readonly #journal: Journal<SessionsState>
  readonly #log: ObjectLog

  constructor(ctx: DurableObjectState, env: UserSessionsEnv) {
    const service = 'accounts'
    this.now = () => clockOf(env).now()
    this.exec = (sql, ...bindings) => ctx.storage.sql.exec(sql, ...bindings).toArray() as never
    this.#log = new ObjectLog(
      { service, object: 'UserSessions', sockets: service, ownDestinations: [] },
      this.now,
    )
    this.#journal = new Journal<SessionsState>(ctx, {
      kind: 'user-sessions',
      now: this.now,
      bootId: commonSettings(env).BOOT_ID,
      destinations: {
        history: queueDestination(env.HISTORY_QUEUE),
        revocations: queueDestination(env.REVOCATIONS_QUEUE),
        audit: queueDestination(env.AUDIT_QUEUE),
      },
      schema: [sockets.createSocketOwners],
      retention,
      observe: (what) => this.#log.observe(what),
    })
  }

  /** The account's id; empty before its first sign-in. */
  get userId(): string {
    return this.#journal.name
  }

  /** `undefined` before the first sign-in. */
  get state(): SessionsState | undefined {
    const kept = this.#journal.state
    return kept === undefined ? undefined : upcastState(kept)
  }

  /** Opens a session, the object itself with its first. Repeats of one opening act once. */
  open(
    userId: string,
    command: Extract<SessionCommand, { type: 'open' }>,
    traceparent: string | undefined,
  ): Result<SessionOutcome, UserSessionsError> {
    const { sid, clientId, deviceName, acr, kind } = command
    const input = inputOf(userId, `open:${sid}`, { clientId, deviceName, acr }, traceparent)
    const actor: AuditActor = { kind, id: userId }
    const opened = this.#journal.exists
      ? this.#apply(input, command, actor)
      : this.#journal.create(userId, input, (now) =>
          this.#decide(noSessions, command, now, { userId, actor, input }),
        )
    return opened.ok ? ok(opened.value.outcome) : err(toError(opened.error))
  }

  /** Runs a command that may change nothing, such as a repeated refresh: then nothing is written. */
  run(
    command: SessionCommand,
    actor: Actor,
    traceparent: string | undefined,
  ): Result<SessionOutcome, UserSessionsError> {
    const { state } = this
    if (state === undefined) return ok('ended')
    const trial = step(state, command, this.now())
    if (trial.events.length === 0 && trial.state.erased === state.erased) return ok(trial.outcome)
    const name = typeof actor === 'string' ? actor : actor.id
    const input = inputOf(name, newId(), { command: command.type }, traceparent)
    const applied = this.#apply(input, command, auditActorOf(actor))
    return applied.ok ? ok(applied.value.outcome) : err(toError(applied.error))
  }

  /** Clears what the history tells of the user; its chain of hashes still holds. */
  erase(): number {
    return this.#journal.erase(() => true)
  }

  async alarm(): Promise<void> {
    await this.#journal.alarm((timer) => this.#expire(timer))
    this.#log.end('alarm', false)
  }

  #expire(timer: FiredTimer): void {
    const sid = timer.name.slice(expiryTimer('').length)
    this.#apply(
      timerInput(timer),
      { type: 'revoke', sid, reason: 'expired' },
      auditActorOf('system'),
    )
  }

  #apply(input: JournalInput, command: SessionCommand, actor: AuditActor) {
    return this.#journal.apply(input, (state, now) =>
      this.#decide(upcastState(state), command, now, { userId: this.userId, actor, input }),
    )
  }

  #decide(
    state: SessionsState,
    command: SessionCommand,
    now: number,
    { userId, actor, input }: { userId: string; actor: AuditActor; input: JournalInput },
  ): Decision<SessionsState, SessionOutcome> {
    const next = step(state, command, now)
    const gone = next.events.flatMap((event) =>
      event.type === 'session.revoked' ? [event.sid] : [],
    )
    // Read before `save` deletes them.
    const owners = new Map(
      gone.map((sid) => [sid, this.#journal.exists ? sockets.socketOwners(this.exec, sid) : []]),
    )
    return {
      state: next.state,
      events: next.events.map(({ type, ...data }) => ({ type, data: data as JsonObject })),
      outcome: next.outcome,
      outbox: (events) =>
        sessionMessages(events, {
          userId,
          actor,
          ownersOf: (sid) => owners.get(sid) ?? sockets.socketOwners(this.exec, sid),
          traceparent: input.traceparent,
        }),
      timers: next.timers,
      save: () => {
        for (const sid of gone) sockets.removeSocketOwners(this.exec, sid)
      },
    }
  }
}

function auditActorOf(actor: Actor): AuditActor {
  switch (actor) {
    case 'system':
      return { kind: 'service', id: 'accounts' }
    case 'nobody':
      return { kind: 'anonymous', id: null }
  }
  return { kind: actor.kind, id: actor.id }
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
