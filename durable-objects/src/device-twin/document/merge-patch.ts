import type { JsonObject } from '@menagerie/core'
import { isObject, sameJson } from '../json-limits.ts'

/**
 * The least patch that makes one section of the other (RFC 7396 §2). Sections hold no `null` members, which a patch
 * could not bring.
 */
export function mergePatchOf(before: JsonObject, after: JsonObject): JsonObject {
  const patch: JsonObject = {}
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) patch[key] = null
  for (const [key, value] of Object.entries(after)) {
    const known = Object.hasOwn(before, key) ? before[key] : undefined
    if (isObject(value) && isObject(known)) {
      const inner = mergePatchOf(known, value)
      if (Object.keys(inner).length > 0) patch[key] = inner
    } else if (!sameJson(known, value)) patch[key] = value
  }
  return patch
}

/** A patch that leaves a section empty. */
export const clearing = (section: JsonObject): JsonObject =>
  Object.fromEntries(Object.keys(section).map((key) => [key, null]))
