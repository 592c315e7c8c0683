import type { PatchTwinRequest, Twin } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result, toTimestamp } from '@menagerie/core'
import type { DeviceState } from '../device-state.ts'
import { invalidPatch } from '../twin-errors.ts'
import type { DeviceTwinError } from '../twin-types.ts'
import { changeTwin, type TwinStep } from './change.ts'
import { patchSection, toTwin } from './twin-document.ts'

export interface Patched extends TwinStep {
  answer: Result<Twin, DeviceTwinError>
}

/**
 * A patch of `desired`: the new state, the event and the message to the device. One that changes nothing succeeds and
 * makes neither.
 *
 * @param ifMatch the version of `If-Match`; `null` without one
 * @param actor who asks
 */
export function patchDesired(
  state: DeviceState,
  { desired, version }: PatchTwinRequest,
  ifMatch: number | null,
  actor: string,
  now: number,
): Patched {
  const refuse = (error: DeviceTwinError): Patched => ({
    state,
    happenings: [],
    rows: [],
    answer: err(error),
  })
  const { twin } = state
  if (ifMatch !== null && ifMatch !== twin.version)
    return refuse({ code: 'precondition_failed', version: twin.version })
  if (version !== undefined && version !== twin.version)
    return refuse({ code: 'version_conflict', version: twin.version })
  const patched = patchSection(twin, 'desired', desired as JsonObject, toTimestamp(now))
  if (!patched.ok) return refuse(invalidPatch(patched.error))
  const next = patched.value
  if (next === twin) return { state, happenings: [], rows: [], answer: ok(toTwin(twin)) }
  return { ...changeTwin(state, next, { actor, now }), answer: ok(toTwin(next)) }
}
