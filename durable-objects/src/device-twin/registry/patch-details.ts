import type { PatchDeviceRequest } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { DeviceState, Happening } from '../device-state.ts'
import { sameJson } from '../json-limits.ts'

/** Puts what is named in the place of what was; only what is new is told. */
export function patchDetails(
  state: DeviceState,
  patch: PatchDeviceRequest,
): { state: DeviceState; happenings: Happening[] } {
  const { details } = state
  const asked = Object.entries(patch).filter(([, value]) => value !== undefined)
  const before = details as unknown as JsonObject
  const changed = Object.fromEntries(
    asked.filter(([name, value]) => !sameJson(before[name], value)),
  ) as JsonObject
  if (Object.keys(changed).length === 0) return { state, happenings: [] }
  return {
    state: { ...state, details: { ...details, ...changed } },
    happenings: [{ type: 'device.updated', data: changed }],
  }
}
