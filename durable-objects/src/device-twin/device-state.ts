import type { Device, Downlink, Presence } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { TwinDocument } from './document/twin-document.ts'
import type { PresenceNow } from './presence/presence-rule.ts'
import type { Claim } from './registry/claim.ts'
import type { RuleStanding } from './rules/threshold.ts'

/** What the twin's journal keeps as its state. Telemetry, numbering and the time of the last message have own tables. */
export interface DeviceState {
  details: {
    id: string
    name: string
    ownerId: string
    metadata: Record<string, string>
    tags: string[]
    /** Silence after which the device counts as inactive; `null` for never. */
    inactivityTimeoutSeconds: number | null
    /** Milliseconds since the epoch. */
    createdAt: number
  }
  /** False once the device has been silent for longer than its timeout. */
  active: boolean
  twin: TwinDocument
  presence: PresenceNow
  rules: readonly RuleStanding[]
  /** The code by which another account may take it over, while there is one. */
  claim?: Claim
  /** Set once it was removed; milliseconds since the epoch. Everything answers `not_found` from then on. */
  deletedAt?: number
}

/** Something to be journalled, with what must leave the object because of it. */
export interface Happening {
  type:
    | 'device.created'
    | 'device.updated'
    | 'device.claimed'
    | 'device.deleted'
    | 'device.activity'
    | 'device.presence'
    | 'device.event'
    | 'device.rule'
    | 'device.rules'
    | 'device.rejected'
    | 'twin.delta'
    | 'twin.documents'
    | 'command.status'
  data: JsonObject
  /** Goes to the device on `…/twin/delta`. */
  downlink?: JsonObject
  /** Further messages to the device, in order. */
  messages?: readonly Omit<Downlink, 'id'>[]
  /** Beginning of what was rejected, for the operators. */
  deadLetter?: { payload: string; encoding: 'utf-8' | 'base64'; receivedAt: string }
}

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

/** @param lastSeenAt milliseconds since the epoch; `null` before the first message */
export function toDevice(
  { details, presence, active }: DeviceState,
  lastSeenAt: number | null,
): Device {
  const { id, name, ownerId, metadata, tags, inactivityTimeoutSeconds, createdAt } = details
  return {
    id,
    name,
    ownerId,
    metadata,
    tags: [...tags],
    state: presence.state,
    inactivityTimeoutSeconds,
    active,
    lastSeenAt: timeOrNull(lastSeenAt),
    createdAt: toTimestamp(createdAt),
  }
}

export function toPresence({ presence }: DeviceState, lastSeenAt: number | null): Presence {
  const { state, session, since } = presence
  return { state, session, since: timeOrNull(since), lastSeenAt: timeOrNull(lastSeenAt) }
}
