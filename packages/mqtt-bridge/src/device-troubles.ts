import type { BridgeResult } from '@menagerie/contracts'
import type { Logger } from '@menagerie/core/logger'
import { backoffMs } from './backoff.ts'
import { TroubledDevices } from './troubled-devices.ts'

const MOST_REST_MS = 2_000

export interface DeviceTroublesOptions {
  logger: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** A device may be tried again. */
  onRested(): void
}

/** Leaves devices alone for a moment whose twins have failed, says so, and knows whose messages the edge may hold. */
export class DeviceTroubles {
  readonly #options: DeviceTroublesOptions
  readonly #devices = new TroubledDevices()
  readonly #rests = new Map<string, NodeJS.Timeout>()

  constructor(options: DeviceTroublesOptions) {
    this.#options = options
  }

  /** Devices, held or not. */
  get size(): number {
    return this.#devices.size
  }

  /** By device: those to be left alone now. */
  get rests(): ReadonlyMap<string, unknown> {
    return this.#rests
  }

  /** See `TroubledDevices.isWidespread`. */
  get isWidespread(): boolean {
    return this.#devices.isWidespread
  }

  /** See `TroubledDevices.blocking`. */
  blocking(): { device: string; since: number } | undefined {
    return this.#devices.blocking()
  }

  /** What the edge says of a device. */
  learn(device: string, result: BridgeResult['result']): void {
    const { logger, now } = this.#options
    switch (result) {
      case 'retry': {
        const failures = this.#devices.failed(device, now())
        if (failures === 1) logger.warn("a device's twin takes no messages", { device })
        const wait = backoffMs(failures, MOST_REST_MS, Math.random())
        this.#rests.set(
          device,
          setTimeout(() => this.#rested(device), wait),
        )
        return
      }
      case 'held':
        this.#devices.held(device)
        return
      case 'stored':
      case 'duplicate':
      case 'rejected': {
        // What was rejected may not have reached any twin.
        const wasTroubled =
          result === 'rejected' ? this.#devices.over(device) : this.#devices.stored(device, now())
        if (wasTroubled) logger.info("a device's twin takes messages again", { device })
      }
    }
  }

  /** Those of the devices whose messages the edge may hold. */
  toBeHeld(devices: Iterable<string>): string[] {
    if (this.#devices.size === 0) return []
    const { logger, now } = this.#options
    return [...new Set(devices)].filter((device) => {
      const wasHeld = this.#devices.isHeld(device)
      const isHeld = this.#devices.mayBeHeld(device, now())
      if (isHeld && !wasHeld) logger.error(HOLDING, { device })
      return isHeld
    })
  }

  /** Nothing of anybody is stored. */
  allFailed(): void {
    this.#devices.allFailed()
  }

  /** The edge does not know how to hold messages. */
  forget(): void {
    this.#devices.forget()
  }

  stop(): void {
    for (const rest of this.#rests.values()) clearTimeout(rest)
    this.#rests.clear()
  }

  #rested(device: string): void {
    this.#rests.delete(device)
    this.#options.onRested()
  }
}

const HOLDING =
  'the twin of one device takes no messages while others do: the edge is to hold them, so that nobody else waits'
