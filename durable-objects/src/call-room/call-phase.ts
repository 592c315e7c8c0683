import { isTerminal } from '@menagerie/contracts'
import type { CallPhase, CallState, EndedPhase, Step } from './call-types.ts'

/** The step that changes nothing. */
export const unchanged = (state: CallState): Step => ({ state, events: [], effects: [] })

export const hasEnded = (
  state: CallState,
): state is Omit<CallState, 'phase'> & { phase: EndedPhase } => isTerminal(state.phase.status)

/** When the call was answered; `null` when it was not. */
export const answeredAt = (phase: CallPhase): number | null =>
  'answeredAt' in phase ? phase.answeredAt : null
