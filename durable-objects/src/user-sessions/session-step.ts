import type { RevocationReason } from '@menagerie/contracts'
import type { SessionOutcome, SessionStep, SessionsState } from './session-types.ts'

/** The name of the timer that ends a session. */
export const expiryTimer = (sid: string): string => `expiry:${sid}`

export const unchanged = (state: SessionsState, outcome: SessionOutcome): SessionStep => ({
  state,
  events: [],
  timers: [],
  outcome,
})

/** Ends those of the sessions that there are. @param outcome where there was one; `ended` where there was none */
export function ends(
  state: SessionsState,
  sids: readonly string[],
  reason: RevocationReason,
  outcome: SessionOutcome = 'done',
): SessionStep {
  const sessions = { ...state.sessions }
  const events: SessionStep['events'] = []
  const timers: SessionStep['timers'] = []
  for (const sid of sids) {
    const session = sessions[sid]
    if (session === undefined) continue
    delete sessions[sid]
    events.push({ type: 'session.revoked', sid, kind: session.kind, reason })
    timers.push({ type: 'timer.cancel', name: expiryTimer(sid) })
  }
  if (events.length === 0) return unchanged(state, 'ended')
  return { state: { ...state, sessions }, events, timers, outcome }
}
