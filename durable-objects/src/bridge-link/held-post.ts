import type { BridgeAck } from '@menagerie/contracts'
import { err, type Logger, ok, type Result } from '@menagerie/core'
import type { DeviceMessage, DeviceTwinError, Taken } from '../device-twin/index.ts'
import type { HeldMessages } from './held-messages.ts'
import type { Held, HoldError } from './link-types.ts'

/** Between two tries of a device that sends nothing more. */
const TRY_MS = 10_000
/** Devices that are tried at a time. */
const DEVICES = 50
/** A twin may take long; the bridge, and all other devices in its request, must not wait for it. */
const PATIENCE_MS = 500
/** Of a message that the twin refuses for what it is. */
const BEGINNING = 4 * 1024

export interface HeldPostOptions {
  held: HeldMessages
  take(deviceId: string, messages: DeviceMessage[]): Promise<Result<Taken, DeviceTwinError>>
  now(): number
  logger: Logger
}

/** How far a device has come: all is with its twin, some waits, or there is no such device. */
type Drained = { state: 'taken'; ack: BridgeAck | undefined } | { state: 'waits' | 'not_found' }

/**
 * Brings what twins did not take to them, in order, as soon as they take it. A device that is brought again what it has
 * knows it by its number or by its time of arrival.
 */
export class HeldPost {
  readonly #options: HeldPostOptions
  readonly #running = new Map<string, Promise<Drained>>()
  #tryAt: number | undefined
  #triedThrough = ''

  constructor(options: HeldPostOptions) {
    this.#options = options
  }

  /** See `BridgeLinkApi.hold`. */
  async hold(deviceId: string, messages: DeviceMessage[]): Promise<Result<Held, HoldError>> {
    const { held } = this.#options
    if (!held.keep(deviceId, messages)) return err({ code: 'storage_full' })
    const drained = await withinMs(this.#drained(deviceId), PATIENCE_MS)
    if (drained?.state === 'not_found') return err({ code: 'not_found' })
    if (drained?.state !== 'taken' || held.next(deviceId, 1) !== undefined)
      return ok({ isTaken: false })
    return ok({ isTaken: true, ...(drained.ack === undefined ? {} : { ack: drained.ack }) })
  }

  /** When to `flush`; undefined while nothing is held. Milliseconds. */
  nextAt(): number | undefined {
    if (this.#options.held.isEmpty) return undefined
    this.#tryAt ??= this.#options.now() + TRY_MS
    return this.#tryAt
  }

  /** Tries devices, the next ones with each call. Ends when each has answered once. */
  async flush(): Promise<void> {
    const { held, now } = this.#options
    if (held.isEmpty || (this.#tryAt !== undefined && this.#tryAt > now())) return
    this.#tryAt = now() + TRY_MS
    const devices = held.devices(this.#triedThrough, DEVICES)
    this.#triedThrough = devices.length < DEVICES ? '' : (devices.at(-1) ?? '')
    await Promise.all(devices.map((deviceId) => this.#drained(deviceId)))
  }

  /** One at a time for each device, so that nothing is overtaken. */
  #drained(deviceId: string): Promise<Drained> {
    const running = this.#running.get(deviceId)
    if (running !== undefined) return running
    const work = this.#drain(deviceId).finally(() => this.#running.delete(deviceId))
    this.#running.set(deviceId, work)
    return work
  }

  async #drain(deviceId: string): Promise<Drained> {
    const { held, take, logger } = this.#options
    let ack: BridgeAck | undefined
    let most: number | undefined
    for (let batch = held.next(deviceId); batch !== undefined; batch = held.next(deviceId, most)) {
      let taken: Result<Taken, DeviceTwinError>
      try {
        taken = await take(deviceId, batch.messages)
        if (!taken.ok && isLasting(taken.error)) {
          // Which of them it is shows one by one; that one is left to the twin as a record.
          if (batch.messages.length > 1) {
            most = 1
            continue
          }
          taken = await take(deviceId, batch.messages.map(refused))
        }
      } catch (error) {
        logger.warn('fault', { object: 'BridgeLink', where: 'held', deviceId, error })
        return { state: 'waits' }
      }
      if (!taken.ok && taken.error.code !== 'not_found') return { state: 'waits' }
      if (!taken.ok) return this.#dropped(deviceId)
      held.release(deviceId, batch.through)
      ack = taken.value.ack ?? ack
    }
    return { state: 'taken', ack }
  }

  /** Removed meanwhile: with it went all that it had sent. */
  #dropped(deviceId: string): Drained {
    const { held, logger } = this.#options
    const messages = held.count(deviceId)
    logger.warn('held messages of a device that is not there any more', { deviceId, messages })
    held.release(deviceId, Number.MAX_SAFE_INTEGER)
    return { state: 'not_found' }
  }
}

const isLasting = ({ code }: DeviceTwinError): boolean =>
  code === 'payload_too_large' || code === 'validation_failed'

const refused = (message: DeviceMessage): DeviceMessage => {
  const text = message.payload ?? ''
  const bytes = new TextEncoder().encode(text).byteLength
  const beginning = text.slice(0, BEGINNING).toWellFormed()
  return {
    ...message,
    payload: null,
    refused: message.refused ?? { beginning, encoding: 'utf-8', bytes },
  }
}

async function withinMs<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}
