import type { Device, Presence, RuleState } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { PresenceNow } from './presence-rule.ts'
import type { TwinDocument } from './twin-document.ts'

/** What the twin's journal keeps as its state. Telemetry, numbering and the time of the last message have own tables. */
export interface DeviceState {
  details: {
    id: string
    name: string
    ownerId: string
    metadata: Record<string, string>
    /** Milliseconds since the epoch. */
    createdAt: number
  }
  twin: TwinDocument
  presence: PresenceNow
  rules: readonly RuleState[]
}

/** Something to be journalled, with what must leave the object because of it. */
export interface Happening {
  type:
    | 'device.created'
    | 'device.presence'
    | 'device.event'
    | 'device.rule'
    | 'device.rules'
    | 'device.rejected'
    | 'twin.delta'
    | 'twin.documents'
  data: JsonObject
  /** Goes to the device on `…/twin/delta`. */
  downlink?: JsonObject
  /** Beginning of what was rejected, for the operators. */
  deadLetter?: { payload: string; encoding: 'utf-8' | 'base64'; receivedAt: string }
}

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

/** @param lastSeenAt milliseconds since the epoch; `null` before the first message */
export function toDevice({ details, presence }: DeviceState, lastSeenAt: number | null): Device {
  const { id, name, ownerId, metadata, createdAt } = details
  return {
    id,
    name,
    ownerId,
    metadata,
    state: presence.state,
    lastSeenAt: timeOrNull(lastSeenAt),
    createdAt: toTimestamp(createdAt),
  }
}

export function toPresence({ presence }: DeviceState, lastSeenAt: number | null): Presence {
  const { state, session, since } = presence
  return { state, session, since: timeOrNull(since), lastSeenAt: timeOrNull(lastSeenAt) }
}
