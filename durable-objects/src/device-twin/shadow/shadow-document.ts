import type { JsonObject } from '@menagerie/core'
import {
  difference,
  metadataOf,
  sectionNames,
  type TwinDocument,
} from '../document/twin-document.ts'
import { isObject } from '../json-limits.ts'

/** The AWS-compatible service tells times in whole seconds. */
export const epochSeconds = (milliseconds: number): number => Math.floor(milliseconds / 1000)

/** Whether there is a document: something was written since it was last deleted. */
export const hasShadow = ({ version, shadow }: TwinDocument): boolean =>
  version > shadow.deletedVersion

/** A section's times as that service writes them. @param section whose fields tell what a leaf is */
export function epochMetadata(section: JsonObject, metadata: JsonObject): JsonObject {
  const times: JsonObject = {}
  for (const [key, value] of Object.entries(section)) {
    const time = metadata[key]
    if (!isObject(time)) continue
    times[key] = isObject(value)
      ? epochMetadata(value, time)
      : { timestamp: epochSeconds(Date.parse(String(time.timestamp))) }
  }
  return times
}

/** Both sections with their times, the empty ones left out. */
export function sectionsOf(twin: TwinDocument): { state: JsonObject; metadata: JsonObject } {
  const state: JsonObject = {}
  const metadata: JsonObject = {}
  for (const name of sectionNames) {
    if (isEmpty(twin[name])) continue
    state[name] = twin[name]
    metadata[name] = epochMetadata(twin[name], twin.metadata[name])
  }
  return { state, metadata }
}

/** What `get/accepted` says: all there is, and what differs. */
export function wholeShadow(twin: TwinDocument): JsonObject {
  const { state, metadata } = sectionsOf(twin)
  const delta = difference(twin.desired, twin.reported)
  return {
    state: isEmpty(delta) ? state : { ...state, delta },
    metadata,
    version: twin.version,
  }
}

/** What `update/accepted` says: only what was asked, with the times of those fields. */
export function echoOf(twin: TwinDocument, asked: JsonObject): JsonObject {
  const metadata: JsonObject = {}
  for (const name of sectionNames) {
    const fields = asked[name]
    if (isObject(fields))
      metadata[name] = epochMetadata(fields, metadataOf(fields, twin.metadata[name]))
  }
  return { state: asked, metadata, version: twin.version }
}

/** What `update/delta` says; undefined when the device reports all that is desired. */
export function shadowDelta(twin: TwinDocument): JsonObject | undefined {
  const state = difference(twin.desired, twin.reported)
  if (isEmpty(state)) return undefined
  return { version: twin.version, state, metadata: epochMetadata(state, twin.metadata.desired) }
}

const isEmpty = (section: JsonObject): boolean => Object.keys(section).length === 0
