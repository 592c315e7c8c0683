import { DurableObject } from 'cloudflare:workers'
import type { AuthenticationMethod, RevocationReason, SocketOwner } from '@menagerie/contracts'
import { err, newId, ok, type Principal, type Result } from '@menagerie/core'
import { hashId, refreshIds } from './refresh-ids.ts'
import { withinGrace } from './rotate.ts'
import { SessionJournal } from './session-journal.ts'
import {
  type ClientSession,
  ended,
  grantOf,
  type OpenSession,
  type SessionGrant,
  type SessionView,
  type UserSessionsEnv,
  type UserSessionsError,
  viewOf,
} from './session-results.ts'
import * as sockets from './socket-registrations.ts'
import { isAlive, standing } from './user-sessions-state.ts'

/** How long a session of a client that acts for itself is shared by its tokens. */
const CLIENT_SESSION_MS = 24 * 60 * 60 * 1000

/**
 * The one owner of the sessions of a user, or of a client that acts for itself, and of their refresh families. All times
 * are milliseconds since the epoch. Rules: `user-sessions-state.ts`.
 */
export class UserSessions extends DurableObject<UserSessionsEnv> {
  readonly #ids = refreshIds(this.env.KEY_ENCRYPTION_KEY)
  readonly #journal = new SessionJournal(this.ctx, this.env)

  /** Opens a session and gives its first refresh token's id. The same `sid` again gives the same grant. */
  open(session: OpenSession, traceparent?: string): Result<SessionGrant, UserSessionsError> {
    const { userId, lifetimeMs, ...opening } = session
    const jti = this.#ids.first(session.sid)
    const opened = this.#journal.open(
      userId,
      {
        type: 'open',
        kind: 'user',
        ...opening,
        lifetimeMs: lifetimeMs ?? Number(this.env.REFRESH_TOKEN_SECONDS) * 1000,
        hash: hashId(jti),
      },
      traceparent,
    )
    if (!opened.ok) return opened
    return this.#grant(session.sid, ({ createdAt }) => ({ jti, issuedAt: createdAt }))
  }

  /**
   * Swaps a refresh token for its successor. The token's signature was checked; `jti` is its id, `clientId` who showed
   * it. A repeat within ten seconds gets the same successor; a later one, or another client, ends the session.
   */
  rotate(
    token: { sid: string; jti: string; clientId?: string },
    traceparent?: string,
  ): Result<SessionGrant, UserSessionsError> {
    const { jti, ...shown } = token
    const hash = hashId(jti)
    const next = this.#ids.after(jti)
    const successorHash = hashId(next)
    const outcome = this.#journal.run(
      { type: 'rotate', ...shown, hash, successorHash },
      'nobody',
      traceparent,
    )
    if (!outcome.ok) return outcome
    if (outcome.value === 'too_fast') return err({ code: 'overloaded', retryAfterSeconds: 1 })
    if (outcome.value !== 'done') return ended(outcome.value)
    return this.#grant(token.sid, ({ recent }) => {
      const rotated = recent.find((swapped) => swapped.hash === hash)
      return rotated && { jti: next, issuedAt: rotated.at }
    })
  }

  /** What a refresh token is worth, without swapping it: it lives, was swapped within the grace, or is an old one. */
  peek(token: {
    sid: string
    jti: string
  }): Result<SessionGrant & { spent: 'no' | 'grace' | 'reused' }, UserSessionsError> {
    const hash = hashId(token.jti)
    let spent: 'no' | 'grace' | 'reused' = 'reused'
    const grant = this.#grant(token.sid, (session) => {
      const swapped = withinGrace(session, this.#journal.now()).some((one) => one.hash === hash)
      if (session.refreshable) spent = session.current === hash ? 'no' : swapped ? 'grace' : spent
      return { jti: token.jti, issuedAt: session.refreshedAt }
    })
    return grant.ok ? ok({ ...grant.value, spent }) : grant
  }

  /**
   * The running session of a client that acts for itself: one for all its tokens, and a new one when the last would end
   * before a token does.
   *
   * @param client.lifetimeMs how long the token lasts
   */
  clientSession(
    client: { clientSub: string; clientId: string; lifetimeMs: number },
    traceparent?: string,
  ): Result<ClientSession, UserSessionsError> {
    const { clientSub, clientId, lifetimeMs } = client
    const now = this.#journal.now()
    const sessions = Object.entries(this.#journal.state?.sessions ?? {})
    const running = sessions.find(([, { expiresAt }]) => expiresAt >= now + lifetimeMs)
    if (running !== undefined) return this.#grant(running[0], () => noRefreshToken)
    const sid = newId()
    const opened = this.#journal.open(
      clientSub,
      {
        type: 'open',
        kind: 'client',
        sid,
        clientId,
        deviceName: null,
        acr: '1',
        methods: [],
        scope: '',
        secondFactorAt: null,
        refreshable: false,
        lifetimeMs: Math.max(CLIENT_SESSION_MS, 2 * lifetimeMs),
        hash: '',
      },
      traceparent,
    )
    return opened.ok ? this.#grant(sid, () => noRefreshToken) : opened
  }

  /**
   * Ends a session; one that has ended already is no error. Others than the user need `users:write`.
   *
   * @returns how many ended
   */
  revoke(
    principal: Principal | 'system',
    sid: string,
    reason: RevocationReason,
    traceparent?: string,
  ): Result<number, UserSessionsError> {
    const { state } = this.#journal
    if (state === undefined) return ok(0)
    if (!this.#mayEnd(principal)) return err({ code: 'not_found' })
    const outcome = this.#journal.run({ type: 'revoke', sid, reason }, principal, traceparent)
    return outcome.ok ? ok(outcome.value === 'done' ? 1 : 0) : outcome
  }

  /** Ends all sessions, or all but one. Others than the user need `users:write`. @returns how many ended */
  revokeAll(
    principal: Principal | 'system',
    which: { except?: string },
    reason: RevocationReason,
    traceparent?: string,
  ): Result<number, UserSessionsError> {
    const { state } = this.#journal
    if (state === undefined) return ok(0)
    if (!this.#mayEnd(principal)) return err({ code: 'not_found' })
    const before = Object.keys(state.sessions).length
    const outcome = this.#journal.run(
      { type: 'revoke-all', ...which, reason },
      principal,
      traceparent,
    )
    if (!outcome.ok) return outcome
    return ok(before - Object.keys(this.#journal.state?.sessions ?? {}).length)
  }

  /**
   * Whether a session stands and an access token of it is not void, and when a second factor was last shown in it.
   *
   * @param issuedAtSeconds the token's `iat`
   */
  check(sid: string, issuedAtSeconds?: number): { alive: boolean; secondFactorAt: number | null } {
    const { state } = this.#journal
    if (state === undefined || !isAlive(state, sid, this.#journal.now(), issuedAtSeconds))
      return { alive: false, secondFactorAt: null }
    return { alive: true, secondFactorAt: state.sessions[sid]?.secondFactorAt ?? null }
  }

  /** The sessions that stand, newest first. */
  list(): SessionView[] {
    const now = this.#journal.now()
    return Object.entries(this.#journal.state?.sessions ?? {})
      .filter(([, session]) => session.expiresAt > now)
      .map(([sid, session]) => viewOf(sid, session))
      .sort((a, b) => b.createdAt - a.createdAt || (a.sid < b.sid ? 1 : -1))
  }

  /** Gives a session of one's own a name. */
  rename(
    principal: Principal,
    sid: string,
    name: string,
    traceparent?: string,
  ): Result<SessionView, UserSessionsError> {
    const done = this.#changeOwn(principal, { type: 'rename', sid, name }, traceparent)
    if (!done.ok) return done
    const session = this.#journal.state?.sessions[sid]
    return session === undefined ? err({ code: 'not_found' }) : ok(viewOf(sid, session))
  }

  /** A second factor was shown in a session of one's own: its next access tokens have `acr` "2". */
  stepUp(
    principal: Principal,
    sid: string,
    method: AuthenticationMethod,
    traceparent?: string,
  ): Result<SessionGrant, UserSessionsError> {
    const done = this.#changeOwn(principal, { type: 'step-up', sid, method }, traceparent)
    return done.ok ? this.#grant(sid, () => noRefreshToken) : done
  }

  /** Makes the access tokens of all sessions void, as after a change of roles; refresh tokens stay good. */
  expireTokens(traceparent?: string): Result<null, UserSessionsError> {
    const outcome = this.#journal.run({ type: 'expire-tokens' }, 'system', traceparent)
    return outcome.ok ? ok(null) : outcome
  }

  /** The account is gone: every session ends, none opens again, and the history keeps no data. May be repeated. */
  erase(traceparent?: string): Result<null, UserSessionsError> {
    const outcome = this.#journal.run({ type: 'erase' }, 'system', traceparent)
    if (!outcome.ok) return outcome
    this.#journal.erase()
    return ok(null)
  }

  /**
   * Tells that an object holds a socket of a session, so that the session's end is told to it.
   *
   * @param issuedAtSeconds the `iat` of the socket's token
   * @returns false when the session does not stand or the token is void: the socket must be refused
   */
  registerSocket(sid: string, owner: SocketOwner, issuedAtSeconds?: number): boolean {
    if (!this.check(sid, issuedAtSeconds).alive) return false
    const { exec } = this.#journal
    this.ctx.storage.transactionSync(() => sockets.addSocketOwner(exec, sid, owner))
    return true
  }

  /** The object holds no socket of the session any more. */
  unregisterSocket(sid: string, owner: SocketOwner): void {
    if (this.#journal.state !== undefined) sockets.removeSocketOwner(this.#journal.exec, sid, owner)
  }

  override alarm(): Promise<void> {
    return this.#journal.alarm()
  }

  #mayEnd(principal: Principal | 'system'): boolean {
    if (principal === 'system' || principal.kind === 'service') return true
    return this.#isOwn(principal) || principal.permissions.includes('users:write')
  }

  #isOwn = (principal: Principal): boolean =>
    principal.kind === 'user' && principal.id === this.#journal.userId

  #changeOwn(
    principal: Principal,
    command: Parameters<SessionJournal['run']>[0],
    traceparent: string | undefined,
  ): Result<null, UserSessionsError> {
    if (!this.#isOwn(principal)) return err({ code: 'not_found' })
    const outcome = this.#journal.run(command, principal, traceparent)
    if (!outcome.ok) return outcome
    return outcome.value === 'done' ? ok(null) : err({ code: 'not_found' })
  }

  #grant(
    sid: string,
    tokenOf: (session: Parameters<typeof viewOf>[1]) => RefreshToken | undefined,
  ): Result<SessionGrant, UserSessionsError> {
    const { state } = this.#journal
    const now = this.#journal.now()
    const session = state && standing(state, sid, now)
    const token = session && tokenOf(session)
    if (state === undefined || session === undefined || token === undefined) return ended('ended')
    return ok(grantOf(state, sid, session, token, now))
  }
}

type RefreshToken = Pick<SessionGrant, 'jti' | 'issuedAt'>

/** Of grants that bring no refresh token. */
const noRefreshToken: RefreshToken = { jti: '', issuedAt: 0 }
