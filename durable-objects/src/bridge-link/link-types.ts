import type { Downlink } from '@menagerie/contracts'
import type { Result } from '@menagerie/core'

export interface BridgeLinkEnv {
  BOOT_ID: string
  CLOCK_OFFSET_MS?: string
}

export interface LinkStatus {
  /** A bridge is connected. */
  connected: boolean
  /** Messages that the broker has not acknowledged yet. */
  queued: number
  generation: number
}

export type LinkError =
  /** No bridge is connected, or it did not confirm in time. */
  { code: 'unavailable'; detail: string }

/** One broker's link over RPC. */
export interface BridgeLinkApi {
  /** Keeps messages for devices, in order, until the broker has them; one with a known id is not kept again. */
  enqueue(messages: Downlink[]): Promise<void>
  /** Makes the broker know a device's password, or forget the device with `null`. Returns when the broker has done so. */
  setCredentials(deviceId: string, password: string | null): Promise<Result<null, LinkError>>
  status(): Promise<LinkStatus>
}
