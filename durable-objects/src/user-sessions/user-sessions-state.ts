import type { EventData } from '@menagerie/contracts'
import type { TimerChange } from '../journal/types.ts'

/** Parallel refreshes with one token within this time get one and the same successor. */
export const REFRESH_GRACE_MS = 10_000
/** Sessions of one user; a further sign-in ends the one that was used least recently. */
export const MAX_SESSIONS = 100
/** Rotations of one family within the grace; more than a client that works could need. */
const MAX_RECENT = 32

/** A token of a family that was swapped lately: the SHA-256 of its id, and when. */
export interface RotatedToken {
  hash: string
  at: number
}

/** A sign-in on one device, and its one family of refresh tokens. Times are milliseconds since the epoch. */
export interface Session {
  clientId: string
  deviceName: string | null
  acr: '1' | '2'
  createdAt: number
  /** The session and every token of it end then; nothing moves it. */
  expiresAt: number
  /** SHA-256 of the id of the family's one live token. */
  current: string
  refreshedAt: number
  /** Tokens swapped within the grace; any other token of the family is a reused one. */
  recent: RotatedToken[]
}

/** The living sessions of a user, by `sid`. An ended one is gone: its history is in the journal. */
export interface SessionsState {
  sessions: Record<string, Session>
}

export type RevocationReason = EventData<'session.revoked.v1'>['reason']

export type SessionCommand =
  | {
      type: 'open'
      sid: string
      clientId: string
      deviceName: string | null
      acr: '1' | '2'
      lifetimeMs: number
      /** SHA-256 of the first token's id. */
      hash: string
    }
  | { type: 'rotate'; sid: string; hash: string; successorHash: string }
  | { type: 'revoke'; sid: string; reason: RevocationReason }

export type SessionEvent =
  | {
      type: 'session.opened'
      sid: string
      clientId: string
      deviceName: string | null
      acr: '1' | '2'
      expiresAt: number
    }
  | { type: 'session.refreshed'; sid: string }
  | { type: 'session.revoked'; sid: string; reason: RevocationReason }

/**
 * What a command came to. `ended`: there is no such session. `reused`: an old token was shown, and the session ended
 * with that. `too_fast`: nothing changed.
 */
export type SessionOutcome = 'done' | 'ended' | 'reused' | 'too_fast'

export interface SessionStep {
  state: SessionsState
  events: SessionEvent[]
  timers: TimerChange[]
  outcome: SessionOutcome
}

export const noSessions: SessionsState = { sessions: {} }

/** The name of the timer that ends a session. */
export const expiryTimer = (sid: string): string => `expiry:${sid}`

/** Whether a session stands. */
export function isAlive(state: SessionsState, sid: string, now: number): boolean {
  const session = state.sessions[sid]
  return session !== undefined && session.expiresAt > now
}

/**
 * The rules of sessions and their refresh families: rotation with reuse detection (RFC 9700 §4.14.2), a grace in which
 * parallel refreshes agree, and an absolute lifetime. Pure: plain data in, plain data out.
 */
export function step(state: SessionsState, command: SessionCommand, now: number): SessionStep {
  switch (command.type) {
    case 'open':
      return open(state, command, now)
    case 'rotate':
      return rotate(state, command, now)
    case 'revoke':
      return state.sessions[command.sid] === undefined
        ? unchanged(state, 'ended')
        : revoke(state, command.sid, command.reason, 'done')
  }
}

function open(
  state: SessionsState,
  command: Extract<SessionCommand, { type: 'open' }>,
  now: number,
): SessionStep {
  const { sid, clientId, deviceName, acr, hash } = command
  if (state.sessions[sid] !== undefined) return unchanged(state, 'done')
  const expiresAt = now + command.lifetimeMs
  const room = makeRoom(state)
  const session: Session = {
    clientId,
    deviceName,
    acr,
    createdAt: now,
    expiresAt,
    current: hash,
    refreshedAt: now,
    recent: [],
  }
  return {
    state: { sessions: { ...room.state.sessions, [sid]: session } },
    events: [...room.events, { type: 'session.opened', sid, clientId, deviceName, acr, expiresAt }],
    timers: [...room.timers, { type: 'timer.set', name: expiryTimer(sid), at: expiresAt }],
    outcome: 'done',
  }
}

/** Ends the session that was used least recently, where there are as many as one user may have. */
function makeRoom(state: SessionsState): SessionStep {
  const all = Object.entries(state.sessions)
  if (all.length < MAX_SESSIONS) return unchanged(state, 'done')
  const [oldest] = all.sort(([, a], [, b]) => a.refreshedAt - b.refreshedAt)
  return oldest === undefined
    ? unchanged(state, 'done')
    : revoke(state, oldest[0], 'expired', 'done')
}

function rotate(
  state: SessionsState,
  command: Extract<SessionCommand, { type: 'rotate' }>,
  now: number,
): SessionStep {
  const { sid, hash, successorHash } = command
  const session = state.sessions[sid]
  if (session === undefined) return unchanged(state, 'ended')
  if (session.expiresAt <= now) return revoke(state, sid, 'expired', 'ended')
  const recent = session.recent.filter((token) => now - token.at <= REFRESH_GRACE_MS)
  if (hash !== session.current) {
    // Its successor is a function of the token itself, so a repeat within the grace changes nothing.
    return recent.some((token) => token.hash === hash)
      ? unchanged(state, 'done')
      : revoke(state, sid, 'refresh_reuse', 'reused')
  }
  if (recent.length >= MAX_RECENT) return unchanged(state, 'too_fast')
  const next: Session = {
    ...session,
    current: successorHash,
    refreshedAt: now,
    recent: [...recent, { hash, at: now }],
  }
  return {
    state: { sessions: { ...state.sessions, [sid]: next } },
    events: [{ type: 'session.refreshed', sid }],
    timers: [],
    outcome: 'done',
  }
}

function revoke(
  state: SessionsState,
  sid: string,
  reason: RevocationReason,
  outcome: SessionOutcome,
): SessionStep {
  const { [sid]: _ended, ...sessions } = state.sessions
  return {
    state: { sessions },
    events: [{ type: 'session.revoked', sid, reason }],
    timers: [{ type: 'timer.cancel', name: expiryTimer(sid) }],
    outcome,
  }
}

const unchanged = (state: SessionsState, outcome: SessionOutcome): SessionStep => ({
  state,
  events: [],
  timers: [],
  outcome,
})
