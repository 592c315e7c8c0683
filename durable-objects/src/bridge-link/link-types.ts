import type { BridgeAck, Downlink } from '@menagerie/contracts'
import type { Result } from '@menagerie/core'
import type { DeviceMessage } from '../device-twin/index.ts'

export interface BridgeLinkEnv {
  DEVICE_TWIN: DurableObjectNamespace
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
  /** Seals passwords that wait for a bridge. */
  LINK_KEY: string
}

export interface LinkStatus {
  /** A bridge is connected and has the link. */
  connected: boolean
  /** Bridges that stand by. */
  standby: number
  /** Messages that the broker has not acknowledged yet. */
  queued: number
  /** Messages of devices whose twins do not take them. */
  held: number
  /** Counts the times that a bridge was given the link. */
  generation: number
}

export type LinkError =
  /** The broker does not take it. */
  { code: 'unavailable'; detail: string }

/** A new password for one of a device's user names. */
export interface CredentialChange {
  deviceId: string
  username: string
  password: string
  /** The device's other user names, and when the broker is to forget each; milliseconds, now or earlier for at once. */
  others: { username: string; endsAt: number }[]
}

/** `active` the broker has it · `waiting` sealed for a bridge, 24 hours at most. */
export type Issued = 'active' | 'waiting'

/** `waiting`: as soon as a bridge is there, however long that takes. */
export type Ended = 'done' | 'waiting'

/** What became of messages that a link was to hold. */
export interface Held {
  /** The twin has them already, and all that was held before; else the link keeps them. */
  isTaken: boolean
  ack?: BridgeAck
}

export type HoldError =
  | { code: 'not_found' }
  /** The link keeps as much as it may. */
  | { code: 'storage_full' }

/** One broker's link over RPC. */
export interface BridgeLinkApi {
  /** Keeps messages for devices, in order, until the broker has them; one with a known id is not kept again. */
  enqueue(messages: Downlink[]): Promise<void>
  /**
   * Keeps messages of a device whose twin does not take them, and brings them to it, in order and behind what was kept
   * before, as soon as it does. A repeated call brings them twice; the twin knows what it has.
   */
  hold(deviceId: string, messages: DeviceMessage[]): Promise<Result<Held, HoldError>>
  /** Makes the broker know a password, and forget others. A refusal of the broker leaves all as it was. */
  issueCredentials(change: CredentialChange): Promise<Result<Issued, LinkError>>
  /** Makes the broker forget user names of a device and cut their connections. What waited for them is dropped. */
  endCredentials(deviceId: string, usernames: string[]): Promise<Ended>
  /** User names of a device whose password waits, or was dropped because no bridge came in time. */
  credentialStates(deviceId: string): Promise<Record<string, 'waiting' | 'dropped'>>
  status(): Promise<LinkStatus>
}
