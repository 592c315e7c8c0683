import type { Downlink } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import { difference, metadataOf, type TwinDocument, toTwin } from './twin-document.ts'

/** What `…/twin/delta` says; undefined when the device reports all that is desired. */
export function deltaPayload(twin: TwinDocument, time: string): JsonObject | undefined {
  const state = difference(twin.desired, twin.reported)
  if (Object.keys(state).length === 0) return undefined
  return { version: twin.version, state, metadata: metadataOf(state, twin.metadata.desired), time }
}

/** What a device that asks on `…/twin/get` wants. */
export interface TwinQuestion {
  /** Only what is still wanted of the device; the whole document when left out. */
  sinceVersion: number | undefined
  /** Comes back in the answer. */
  clientToken: string | undefined
}

/**
 * What `…/twin/state` says: what was changed since the version that the device knows, or the whole document, which is not
 * `complete` where that was asked for and cannot be told.
 *
 * @param missed changes of `desired`, oldest first; undefined where they are not known
 */
export function statePayload(
  twin: TwinDocument,
  { sinceVersion, clientToken }: TwinQuestion,
  missed: JsonObject[] | undefined,
  time: string,
): JsonObject {
  const { desired, reported, delta, metadata, version } = toTwin(twin)
  const token = clientToken === undefined ? {} : { clientToken }
  if (sinceVersion !== undefined && missed !== undefined)
    return { version, delta, changes: missed, complete: true, time, ...token } as JsonObject
  const asked = sinceVersion === undefined ? {} : { complete: false }
  return { desired, reported, delta, metadata, version, ...asked, time, ...token } as JsonObject
}

export const downlink = (
  deviceId: string,
  name: 'delta' | 'state',
  id: string,
  payload: JsonObject,
): Downlink => ({
  id,
  topic: `v1/devices/${deviceId}/twin/${name}`,
  payload,
  qos: 1,
  retain: false,
})
