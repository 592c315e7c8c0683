import type { TelemetrySample } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import { type DeviceState, toDevice, toPresence } from './device-state.ts'
import { toTwin } from './document/twin-document.ts'

/** Of the latest telemetry in a `welcome`; what is more is left to `GET …/telemetry`. */
const MAX_TELEMETRY_CHARACTERS = 48 * 1024

/**
 * What a socket's `welcome` shows: `{device, twin, presence, telemetry}`, the last `null` where it is too large.
 *
 * @param seenAt milliseconds since the epoch; `null` before the first message
 */
export function snapshotOf(
  state: DeviceState,
  seenAt: number | null,
  latest: Record<string, TelemetrySample>,
): JsonObject {
  const fits = JSON.stringify(latest).length <= MAX_TELEMETRY_CHARACTERS
  const snapshot = {
    device: toDevice(state, seenAt),
    twin: toTwin(state.twin),
    presence: toPresence(state, seenAt),
    telemetry: fits ? { latest } : null,
  }
  return snapshot as unknown as JsonObject
}
