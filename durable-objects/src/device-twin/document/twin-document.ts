import { MAX_TWIN_DEPTH, MAX_TWIN_SECTION_BYTES, type Twin } from '@menagerie/contracts'
import { err, type JsonObject, ok, type Result } from '@menagerie/core'
import { isObject, jsonBytes, jsonFault, sameJson } from '../json-limits.ts'

/** What the device is asked to be, and what it says it is, each with the time every field last changed. */
export interface TwinDocument {
  desired: JsonObject
  reported: JsonObject
  /** Leaves are `{timestamp}`, RFC 3339; an array is one leaf. */
  metadata: { desired: JsonObject; reported: JsonObject }
  /** Grows by one with each write that changed something. */
  version: number
  shadow: {
    /** Whether the device has ever used the AWS-compatible tree: only then is it told anything there. */
    isUsed: boolean
    /** The version by which the document was deleted there; without a later one, there is none. 0 for never. */
    deletedVersion: number
  }
}

export type SectionName = 'desired' | 'reported'
export const sectionNames = ['desired', 'reported'] as const satisfies SectionName[]

export interface PatchFault {
  code: 'too_large' | 'too_deep' | 'not_storable'
  detail: string
}

export const emptyTwin: TwinDocument = {
  desired: {},
  reported: {},
  metadata: { desired: {}, reported: {} },
  version: 0,
  shadow: { isUsed: false, deletedVersion: 0 },
}

/**
 * Merges patches into the sections they name (RFC 7396: `null` deletes), all or none, in one step of the version. A
 * section that stays as it was stays the same object; the same document comes back when nothing changes.
 *
 * @param time RFC 3339, for the fields that change
 */
export function patchTwin(
  twin: TwinDocument,
  patches: Partial<Record<SectionName, JsonObject>>,
  time: string,
): Result<TwinDocument, PatchFault> {
  let next = twin
  for (const name of sectionNames) {
    const patch = patches[name]
    if (patch === undefined) continue
    const fault = patchFault(patch)
    if (fault !== undefined) return err(fault)
    const merged = merge(next[name], patch, next.metadata[name], time)
    if (!merged.changed) continue
    if (jsonBytes(merged.value) > MAX_TWIN_SECTION_BYTES)
      return err({
        code: 'too_large',
        detail: `A section holds at most ${MAX_TWIN_SECTION_BYTES} bytes of JSON`,
      })
    const metadata = { ...next.metadata, [name]: merged.metadata }
    next = { ...next, [name]: merged.value, metadata, version: twin.version + 1 }
  }
  return ok(next)
}

/** `patchTwin` for one section. */
export const patchSection = (
  twin: TwinDocument,
  name: SectionName,
  patch: JsonObject,
  time: string,
): Result<TwinDocument, PatchFault> => patchTwin(twin, { [name]: patch }, time)

/** What is wrong with a patch whatever it is merged into. */
export function patchFault(patch: JsonObject): PatchFault | undefined {
  const code = jsonFault(patch, MAX_TWIN_DEPTH)
  if (code === undefined) return undefined
  const detail =
    code === 'too_deep'
      ? `A section nests at most ${MAX_TWIN_DEPTH} levels`
      : 'Names and values must be I-JSON, and no name __proto__'
  return { code, detail }
}

/** Fields of `desired` that `reported` does not have, or has otherwise. Arrays are compared and told whole. */
export function difference(desired: JsonObject, reported: JsonObject): JsonObject {
  const delta: JsonObject = {}
  for (const [key, wanted] of Object.entries(desired)) {
    const actual = Object.hasOwn(reported, key) ? reported[key] : undefined
    if (isObject(wanted) && isObject(actual)) {
      const inner = difference(wanted, actual)
      if (Object.keys(inner).length > 0) delta[key] = inner
    } else if (!sameJson(wanted, actual)) delta[key] = wanted
  }
  return delta
}

/** The times of those fields that a difference names. */
export function metadataOf(delta: JsonObject, metadata: JsonObject): JsonObject {
  const times: JsonObject = {}
  for (const [key, value] of Object.entries(delta)) {
    const time = metadata[key]
    if (!isObject(time)) continue
    times[key] = isObject(value) ? metadataOf(value, time) : time
  }
  return times
}

/** The twin as people and devices see it. */
export function toTwin(twin: TwinDocument): Twin {
  const { desired, reported, metadata, version } = twin
  return { desired, reported, delta: difference(desired, reported), metadata, version }
}

interface Merged {
  value: JsonObject
  metadata: JsonObject
  changed: boolean
}

function merge(target: JsonObject, patch: JsonObject, metadata: JsonObject, time: string): Merged {
  const merged: Merged = { value: { ...target }, metadata: { ...metadata }, changed: false }
  for (const [key, wanted] of Object.entries(patch)) {
    const had = Object.hasOwn(target, key)
    const actual = had ? target[key] : undefined
    if (wanted === null) {
      delete merged.value[key]
      delete merged.metadata[key]
      merged.changed ||= had
    } else if (isObject(wanted)) {
      const known = isObject(actual)
      const times = metadata[key]
      const inner = merge(known ? actual : {}, wanted, known && isObject(times) ? times : {}, time)
      if (known && !inner.changed) continue
      merged.value[key] = inner.value
      merged.metadata[key] = inner.metadata
      merged.changed = true
    } else if (!had || !sameJson(wanted, actual)) {
      merged.value[key] = wanted
      merged.metadata[key] = { timestamp: time }
      merged.changed = true
    }
  }
  return merged
}
