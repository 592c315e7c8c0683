import type { PatchTwinRequest, Twin } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result, toTimestamp } from '@menagerie/core'
import type { DeviceState, Happening } from './device-state.ts'
import { deltaPayload } from './downlinks.ts'
import { difference, metadataOf, patchSection, toTwin } from './twin-document.ts'
import { invalidPatch } from './twin-errors.ts'
import type { DeviceTwinError } from './twin-types.ts'

export interface Patched {
  state: DeviceState
  happenings: Happening[]
  answer: Result<Twin, DeviceTwinError>
}

/**
 * A patch of `desired`: the new state, the event and the message to the device. One that changes nothing succeeds and
 * makes neither.
 *
 * @param ifMatch the version of `If-Match`; `null` without one
 */
export function patchDesired(
  state: DeviceState,
  { desired, version }: PatchTwinRequest,
  ifMatch: number | null,
  now: number,
): Patched {
  const refuse = (error: DeviceTwinError): Patched => ({
    state,
    happenings: [],
    answer: err(error),
  })
  const { twin } = state
  if (ifMatch !== null && ifMatch !== twin.version)
    return refuse({ code: 'precondition_failed', version: twin.version })
  if (version !== undefined && version !== twin.version)
    return refuse({ code: 'version_conflict', version: twin.version })
  const time = toTimestamp(now)
  const patched = patchSection(twin, 'desired', desired as JsonObject, time)
  if (!patched.ok) return refuse(invalidPatch(patched.error))
  const next = patched.value
  if (next === twin) return { state, happenings: [], answer: ok(toTwin(twin)) }
  const delta = difference(next.desired, next.reported)
  const downlink = deltaPayload(next, time)
  const happening: Happening = {
    type: 'twin.delta',
    data: {
      version: next.version,
      state: delta,
      metadata: metadataOf(delta, next.metadata.desired),
    },
    ...(downlink === undefined ? {} : { downlink }),
  }
  return { state: { ...state, twin: next }, happenings: [happening], answer: ok(toTwin(next)) }
}
