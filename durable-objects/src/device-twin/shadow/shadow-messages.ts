import type { Downlink } from '@menagerie/contracts'
import type { JsonObject } from '@menagerie/core'
import type { TwinDocument } from '../document/twin-document.ts'
import { epochSeconds, sectionsOf, shadowDelta } from './shadow-document.ts'
import type { ShadowFault } from './shadow-fault.ts'

/** What comes back with everything a request leads to. */
export interface Correlation {
  clientToken?: string | undefined
}

export type ShadowAction = 'get' | 'update' | 'delete'

/** A message on the AWS-compatible tree; every one of them tells its time and the request's token. */
export function shadowMessage(
  deviceId: string,
  name: `${ShadowAction}/${'accepted' | 'rejected'}` | 'update/delta' | 'update/documents',
  payload: JsonObject,
  now: number,
  { clientToken }: Correlation,
): Omit<Downlink, 'id'> {
  const token = clientToken === undefined ? {} : { clientToken }
  return {
    topic: `$aws/things/${deviceId}/shadow/${name}`,
    payload: { ...payload, timestamp: epochSeconds(now), ...token },
    qos: 1,
    retain: false,
  }
}

export const rejectedMessage = (
  deviceId: string,
  action: ShadowAction,
  { code, message }: ShadowFault,
  now: number,
  correlation: Correlation,
): Omit<Downlink, 'id'> =>
  shadowMessage(deviceId, `${action}/rejected`, { code, message }, now, correlation)

/** What is still wanted of the device, where there is something. */
export function deltaMessages(
  deviceId: string,
  twin: TwinDocument,
  now: number,
  correlation: Correlation = {},
): Omit<Downlink, 'id'>[] {
  const delta = shadowDelta(twin)
  return delta === undefined
    ? []
    : [shadowMessage(deviceId, 'update/delta', delta, now, correlation)]
}

/** What every change leads to, whoever made it: both documents, and what differs now. */
export const shadowChanged = (
  deviceId: string,
  before: TwinDocument,
  after: TwinDocument,
  now: number,
  correlation: Correlation,
): Omit<Downlink, 'id'>[] => [
  shadowMessage(
    deviceId,
    'update/documents',
    { previous: versionOf(before), current: versionOf(after) },
    now,
    correlation,
  ),
  ...deltaMessages(deviceId, after, now, correlation),
]

const versionOf = (twin: TwinDocument): JsonObject => ({
  ...sectionsOf(twin),
  version: twin.version,
})
