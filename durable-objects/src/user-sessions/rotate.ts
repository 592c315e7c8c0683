import { ends, unchanged } from './session-step.ts'
import type {
  RotatedToken,
  Session,
  SessionCommand,
  SessionStep,
  SessionsState,
} from './session-types.ts'

/** Parallel refreshes with one token within this time get one and the same successor. */
export const REFRESH_GRACE_MS = 10_000
/** Rotations of one family within the grace; more than a client that works could need. */
const MAX_RECENT = 32

/** Tokens of a family that were swapped within the grace. */
export const withinGrace = (session: Session, now: number): RotatedToken[] =>
  session.recent.filter((token) => now - token.at <= REFRESH_GRACE_MS)

/** Swaps a refresh token for its successor (RFC 9700 §4.14.2). */
export function rotate(
  state: SessionsState,
  command: Extract<SessionCommand, { type: 'rotate' }>,
  now: number,
): SessionStep {
  const { sid, hash, successorHash, clientId } = command
  const session = state.sessions[sid]
  if (session === undefined) return unchanged(state, 'ended')
  if (session.expiresAt <= now) return ends(state, [sid], 'expired', 'ended')
  // There is no such token, so whoever shows one has made or stolen it.
  const foreign = clientId !== undefined && clientId !== session.clientId
  if (!session.refreshable || foreign) return ends(state, [sid], 'refresh_reuse', 'reused')
  const recent = withinGrace(session, now)
  if (hash !== session.current) {
    // Its successor is a function of the token itself, so a repeat within the grace changes nothing.
    return recent.some((token) => token.hash === hash)
      ? unchanged(state, 'done')
      : ends(state, [sid], 'refresh_reuse', 'reused')
  }
  if (recent.length >= MAX_RECENT) return unchanged(state, 'too_fast')
  const next: Session = {
    ...session,
    current: successorHash,
    refreshedAt: now,
    recent: [...recent, { hash, at: now }],
  }
  return {
    state: { ...state, sessions: { ...state.sessions, [sid]: next } },
    events: [{ type: 'session.refreshed', sid }],
    timers: [],
    outcome: 'done',
  }
}
