import { toTimestamp } from '@menagerie/core'
import { rangLate } from '../../journal/timers.ts'
import type { TimerChange } from '../../journal/types.ts'
import type { DeviceState, Happening } from '../device-state.ts'

/** The timer that rings when a device has been silent for as long as its owner set. */
export const ACTIVITY_TIMER = 'activity'

/** What a look at a device's silence leads to. */
export interface ActivityStep {
  state: DeviceState
  happenings: Happening[]
  timers: TimerChange[]
}

/**
 * Brings `active` and its timer in line with when the device was last heard of: inactive from the moment on at which it
 * has been silent for its timeout. Without a timeout, and before its first message, it is active.
 *
 * @param seenAt milliseconds since the epoch; `null` before the first message
 */
export function settleActivity(
  state: DeviceState,
  seenAt: number | null,
  now: number,
): ActivityStep {
  const timeout = state.details.inactivityTimeoutSeconds
  const cancel: TimerChange = { type: 'timer.cancel', name: ACTIVITY_TIMER }
  if (timeout === null || seenAt === null) {
    const settled = state.active ? state : { ...state, active: true }
    return { state: settled, happenings: [], timers: [cancel] }
  }
  const silentAt = seenAt + timeout * 1000
  const active = silentAt > now
  const timers = [active ? ({ ...cancel, type: 'timer.set', at: silentAt } as const) : cancel]
  if (active === state.active) return { state, happenings: [], timers }
  const happening: Happening = {
    type: 'device.activity',
    data: { active, lastSeenAt: toTimestamp(seenAt), inactivityTimeoutSeconds: timeout },
  }
  return { state: { ...state, active }, happenings: [happening], timers }
}

/**
 * Another timeout was set. It counts from now on: right after an outage of this side, what a device sent in it waits at the
 * bridge, and nobody can tell by when it was last heard of. So no active device is judged silent by what is set. One that
 * is silent already is active again where the new timeout allows it.
 */
export const changeTimeout = (
  state: DeviceState,
  seenAt: number | null,
  now: number,
): ActivityStep => settleActivity(state, state.active && seenAt !== null ? now : seenAt, now)

/**
 * A device was heard of. The timer is not moved for it, which would cost a write for each message: it looks when it rings,
 * and is set anew then. Only the first message, and the first after a silence, set it.
 *
 * @param seenBefore when it was last heard of before, milliseconds since the epoch
 */
export function hearDevice(
  state: DeviceState,
  seenBefore: number | null,
  now: number,
): ActivityStep | undefined {
  if (state.details.inactivityTimeoutSeconds === null) return undefined
  if (state.active && seenBefore !== null) return undefined
  return settleActivity(state, now, now)
}

/**
 * The activity timer rings. Late, it rings after an outage of this side, in which the device could not be heard: what
 * it sent meanwhile waits at the bridge, and counts as heard when it is taken in. So the device is not judged silent:
 * its timeout begins anew, and a device that is silent indeed is told of that much later.
 *
 * @param dueAt when the timer was due, milliseconds since the epoch
 */
export function ringActivity(
  state: DeviceState,
  seenAt: number | null,
  dueAt: number,
  now: number,
): ActivityStep {
  const beginsAnew = state.active && seenAt !== null && rangLate(dueAt, now)
  return settleActivity(state, beginsAnew ? now : seenAt, now)
}
