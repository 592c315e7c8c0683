import type { BridgeAck } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import type { PostOutcome } from './edge/edge.ts'
import type { BridgeMetrics } from './metrics/metrics.ts'
import type { Received } from './received.ts'

/** Tells the broker that handled what it sent; an error means that it gets no PUBACK now. */
export type Handled = (error?: Error) => void

export interface UplinkOptions {
  batchSize: number
  batchesInFlight: number
  maxInFlight: number
  /** @param hold devices whose messages the edge may keep where their twins do not take them */
  post(
    batch: readonly Received[],
    hold: readonly string[],
    signal: AbortSignal,
  ): Promise<PostOutcome>
  /** Called in the order of arrival, and only while the connection stands that the message came by. */
  puback(messageId: number): void
  onAcks(acks: readonly BridgeAck[]): void
  metrics: BridgeMetrics
  logger: Logger
  /** Milliseconds since the epoch. */
  now?: () => number
}

/** What the supervisor looks at. */
export interface UplinkStatus {
  inFlight: number
  /** Since when every request has failed; undefined while the edge takes what it gets. */
  failingSince: number | undefined
  /** When a message was last taken into an empty window, a batch last stored or a connection last ended. */
  progressAt: number
  /** The device behind whose messages all others wait, since its twin alone fails, and since when. */
  blocking: { device: string; since: number } | undefined
  /** Devices whose twins fail, those with messages that the edge holds among them. */
  troubled: number
}
