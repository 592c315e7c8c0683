import type { TimerChange } from '../../journal/types.ts'
import { nextFiring, type RuleStanding } from './threshold.ts'

/** The one timer of all rules that wait for a duration to pass. */
export const RULES_TIMER = 'rules'

/** The timer as it must stand after a change of rules; nothing where it stands so already. */
export function ruleTimers(
  before: readonly RuleStanding[],
  after: readonly RuleStanding[],
): TimerChange[] {
  if (before === after) return []
  const due = nextFiring(after)
  if (due === nextFiring(before)) return []
  if (due === undefined) return [{ type: 'timer.cancel', name: RULES_TIMER }]
  return [{ type: 'timer.set', name: RULES_TIMER, at: due }]
}
