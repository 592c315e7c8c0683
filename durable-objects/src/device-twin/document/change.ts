import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { DeviceState, Happening } from '../device-state.ts'
import { jsonBytes } from '../json-limits.ts'
import { type Correlation, shadowChanged } from '../shadow/shadow-messages.ts'
import { deltaPayload } from './downlinks.ts'
import { mergePatchOf } from './merge-patch.ts'
import {
  difference,
  metadataOf,
  type SectionName,
  sectionNames,
  type TwinDocument,
} from './twin-document.ts'

/** A journalled event holds 64 KiB with what stands around the data. */
const MAX_EVENT_DATA_BYTES = 60 * 1024

/** One section's part in a step of the version, as the history keeps it. */
export interface ChangeRow {
  version: number
  section: SectionName
  /** The least patch that makes the new section of the old one. */
  patch: JsonObject
  actor: string
  /** Milliseconds since the epoch. */
  at: number
}

/** A step of the twin's version with all that is to be told of it. */
export interface TwinStep {
  state: DeviceState
  happenings: Happening[]
  rows: ChangeRow[]
}

/**
 * Puts a changed document in the place of the one before it: the events, what the device is told on either tree, and the
 * history's rows.
 *
 * @param correlation what the shadow's messages are known by, where the change was asked for on the AWS-compatible tree
 */
export function changeTwin(
  state: DeviceState,
  after: TwinDocument,
  { actor, now }: { actor: string; now: number },
  correlation: Correlation = {},
): TwinStep {
  const before = state.twin
  const { version } = after
  const time = toTimestamp(now)
  const happenings: Happening[] = []
  if (after.desired !== before.desired) {
    const delta = difference(after.desired, after.reported)
    const downlink = deltaPayload(after, time)
    happenings.push({
      type: 'twin.delta',
      data: deltaData(version, delta, metadataOf(delta, after.metadata.desired)),
      ...(downlink === undefined ? {} : { downlink }),
    })
  }
  // A step that changes no field is one too: the document was deleted, or begun, with nothing in it.
  if (after.reported !== before.reported || happenings.length === 0) {
    const { desired, reported } = after
    happenings.push({ type: 'twin.documents', data: { version, desired, reported } })
  }
  const [first] = happenings
  if (first !== undefined && after.shadow.isUsed)
    first.messages = shadowChanged(state.details.id, before, after, now, correlation)
  const changed = sectionNames.filter((section) => after[section] !== before[section])
  // No version is left out: who follows them must see that none is missing.
  const noted: readonly SectionName[] = changed.length === 0 ? ['reported'] : changed
  const rows = noted.map((section): ChangeRow => {
    const patch = mergePatchOf(before[section], after[section])
    return { version, section, patch, actor, at: now }
  })
  return { state: { ...state, twin: after }, happenings, rows }
}

/** The times of a thousand small fields are left out: they stand in the twin, and must not keep a change from it. */
function deltaData(version: number, state: JsonObject, metadata: JsonObject): JsonObject {
  const data = { version, state, metadata }
  return jsonBytes(data) > MAX_EVENT_DATA_BYTES ? { version, state } : data
}
