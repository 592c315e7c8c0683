import type { Exec } from './schema.ts'
import { deferTimer, dueTimer, timerWaits } from './timers.ts'
import type { FiredTimer, JournalObservation } from './types.ts'

const MAX_PER_ALARM = 100

export interface FireContext {
  exec: Exec
  now: () => number
  /** In [0, 1). */
  random: () => number
  observe: (what: JournalObservation) => void
}

/**
 * Hands every due timer to its handler, the one that is due first before the others. The handler takes the timer away
 * in the transaction of its effect; one that throws, or leaves the timer standing, is called again after a backoff.
 */
export async function fireTimers(
  context: FireContext,
  onTimer: (timer: FiredTimer) => void | Promise<void>,
): Promise<void> {
  const { exec, now, random, observe } = context
  for (let fired = 0; fired < MAX_PER_ALARM; fired++) {
    const timer = dueTimer(exec, now())
    if (timer === undefined) return
    try {
      await onTimer(timer)
    } catch (error) {
      observe({ type: 'fault', where: `timer ${timer.name}`, error })
    }
    if (timerWaits(exec, timer)) deferTimer(exec, timer, now(), random())
  }
}
