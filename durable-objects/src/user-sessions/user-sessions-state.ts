import type { RevocationReason } from '@menagerie/contracts'
import { rotate } from './rotate.ts'
import { ends, expiryTimer, unchanged } from './session-step.ts'
import type {
  Session,
  SessionCommand,
  SessionEvent,
  SessionStep,
  SessionsState,
} from './session-types.ts'
import { firstValidSecond } from './valid-from.ts'

/** Sessions of one user; a further sign-in ends the one that was used least recently. */
export const MAX_SESSIONS = 100

export const noSessions: SessionsState = { sessions: {}, notBefore: 0, erased: false }

/** The session, while it stands. */
export function standing(state: SessionsState, sid: string, now: number): Session | undefined {
  const session = state.sessions[sid]
  return session !== undefined && session.expiresAt > now ? session : undefined
}

/**
 * Whether a session stands, and with it an access token.
 *
 * @param issuedAtSeconds the token's `iat`; left out, the session alone is looked at
 */
export function isAlive(
  state: SessionsState,
  sid: string,
  now: number,
  issuedAtSeconds = Number.POSITIVE_INFINITY,
): boolean {
  return (
    standing(state, sid, now) !== undefined &&
    (state.notBefore === 0 || issuedAtSeconds >= firstValidSecond(state.notBefore))
  )
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
      return ends(state, [command.sid], command.reason)
    case 'revoke-all':
      return revokeAll(state, command.reason, command.except)
    case 'rename':
    case 'step-up':
      return change(state, command, now)
    case 'expire-tokens':
      return expireTokens(state, now)
    case 'erase': {
      const step = revokeAll(state, 'deleted')
      return { ...step, state: { ...step.state, erased: true } }
    }
  }
}

function open(
  state: SessionsState,
  command: Extract<SessionCommand, { type: 'open' }>,
  now: number,
): SessionStep {
  const { type: _, lifetimeMs, hash, ...opening } = command
  const { sid, ...known } = opening
  if (state.erased) return unchanged(state, 'ended')
  if (state.sessions[sid] !== undefined) return unchanged(state, 'done')
  const expiresAt = now + lifetimeMs
  const room = makeRoom(state)
  const session: Session = {
    ...known,
    createdAt: now,
    expiresAt,
    current: hash,
    refreshedAt: now,
    recent: [],
  }
  return {
    state: { ...state, sessions: { ...room.state.sessions, [sid]: session } },
    events: [...room.events, { type: 'session.opened', ...opening, expiresAt }],
    timers: [...room.timers, { type: 'timer.set', name: expiryTimer(sid), at: expiresAt }],
    outcome: 'done',
  }
}

/** Ends the session that was used least recently, where there are as many as one user may have. */
function makeRoom(state: SessionsState): SessionStep {
  const all = Object.entries(state.sessions)
  if (all.length < MAX_SESSIONS) return unchanged(state, 'done')
  const [oldest] = all.sort(([, a], [, b]) => a.refreshedAt - b.refreshedAt)
  return oldest === undefined ? unchanged(state, 'done') : ends(state, [oldest[0]], 'replaced')
}

const revokeAll = (state: SessionsState, reason: RevocationReason, except?: string): SessionStep =>
  ends(
    state,
    Object.keys(state.sessions).filter((sid) => sid !== except),
    reason,
  )

/** Names a session, or notes that a second factor was shown in it. */
function change(
  state: SessionsState,
  command: Extract<SessionCommand, { type: 'rename' | 'step-up' }>,
  now: number,
): SessionStep {
  const { sid } = command
  const session = standing(state, sid, now)
  if (session === undefined) return unchanged(state, 'ended')
  const [changed, event]: [Session, SessionEvent] =
    command.type === 'rename'
      ? [
          { ...session, deviceName: command.name },
          { type: 'session.renamed', sid, name: command.name },
        ]
      : [
          {
            ...session,
            acr: '2',
            methods: [...new Set([...session.methods, command.method])],
            secondFactorAt: now,
          },
          { type: 'session.stepped-up', sid, method: command.method },
        ]
  if (command.type === 'rename' && session.deviceName === command.name)
    return unchanged(state, 'done')
  return {
    state: { ...state, sessions: { ...state.sessions, [sid]: changed } },
    events: [event],
    timers: [],
    outcome: 'done',
  }
}

/**
 * Makes every access token so far void; refresh tokens stay. Each time the second moves on, so that tokens made between
 * two changes within one second are void too.
 */
function expireTokens(state: SessionsState, now: number): SessionStep {
  const notBefore =
    state.notBefore === 0 ? now : Math.max(now, firstValidSecond(state.notBefore) * 1000)
  const sids = Object.keys(state.sessions)
  return {
    state: { ...state, notBefore },
    events: [{ type: 'tokens.expired', notBefore, sids }],
    timers: [],
    outcome: 'done',
  }
}
