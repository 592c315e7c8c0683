import { randomUUID } from 'node:crypto'
import type { Logger } from '@menagerie/core/logger'
import mqtt, { type MqttClient } from 'mqtt'
import { z } from 'zod'
import { parseJson } from '../parse-json.ts'
import type { BridgeSettings } from '../settings.ts'
import { addressOf } from './client-options.ts'
import {
  isHarmless,
  lookCommands,
  otherUsername,
  removeCommands,
  removeRoleCommands,
  type SecurityCommand,
  setCommands,
} from './device-role.ts'

const CONTROL = '$CONTROL/dynamic-security/v1'
/** The edge waits 5 s. */
const TIMEOUT_MS = 4_000
/** Of it, for the broker to be there at all: a bridge that has just come is asked at once. */
const READY_MS = 2_000

const Responses = z.looseObject({
  responses: z.array(
    z.looseObject({
      command: z.string(),
      correlationData: z.string().optional(),
      error: z.string().optional(),
    }),
  ),
})

/** What became of a change. */
export type Provisioned = { ok: true } | { ok: false; detail: string }

interface Pending {
  left: number
  errors: string[]
  done(result: Provisioned): void
}

/** Tells Mosquitto's dynamic security about devices, over a connection with the rights of its administrator. */
export class Provisioner {
  readonly #settings: Pick<BridgeSettings, 'mqtt' | 'admin'>
  readonly #logger: Logger
  readonly #pending = new Map<string, Pending>()
  /** The last change of each device, so that they follow one another. */
  readonly #tails = new Map<string, Promise<unknown>>()
  readonly #waiting = new Set<() => void>()
  #client: MqttClient | undefined
  #ready = false

  constructor(settings: Pick<BridgeSettings, 'mqtt' | 'admin'>, logger: Logger) {
    this.#settings = settings
    this.#logger = logger
  }

  start(): void {
    const { admin, mqtt: broker } = this.#settings
    if (admin === undefined) return
    const { url, options } = addressOf(broker)
    const client = mqtt.connect(url, {
      ...options,
      ...admin,
      // Not the bridge's own, and no session: an answer that comes late is of no use.
      clientId: `${broker.clientId}-admin-${randomUUID().slice(0, 8)}`,
      clean: true,
      reconnectPeriod: 1_000,
      resubscribe: false,
    })
    this.#client = client
    client.on('connect', () => {
      client.subscribe(`${CONTROL}/response`, { qos: 1 }, (error, granted) => {
        this.#ready = !error && granted?.every(({ qos }) => Number(qos) < 128) === true
        if (!this.#ready) {
          this.#logger.error('the broker refuses its administrator: devices cannot be made known', {
            error,
          })
        } else for (const go of this.#waiting) go()
      })
    })
    client.on('close', () => {
      this.#ready = false
    })
    client.on('error', (error) => this.#logger.warn('administration of the broker', { error }))
    client.on('message', (_topic, payload) => this.#answered(String(payload)))
  }

  /**
   * Returns when the broker has said that it knows the password, or has forgotten the user name and cut its connections.
   *
   * @param password `null` takes the access away
   */
  set(deviceId: string, username: string, password: string | null): Promise<Provisioned> {
    const before = this.#tails.get(deviceId) ?? Promise.resolve()
    const work = before.then(() => this.#set(deviceId, username, password))
    this.#tails.set(deviceId, work)
    return work.finally(() => {
      if (this.#tails.get(deviceId) === work) this.#tails.delete(deviceId)
    })
  }

  async #set(deviceId: string, username: string, password: string | null): Promise<Provisioned> {
    const { admin, mqtt: broker } = this.#settings
    // Else whoever registers a device of that name would have the bridge's rights.
    const own = [admin?.username, broker.username]
    if (own.includes(deviceId) || own.includes(username)) {
      return { ok: false, detail: 'This name belongs to the bridge' }
    }
    if (admin === undefined || this.#client === undefined) {
      return { ok: false, detail: 'The bridge has no MQTT_ADMIN_USERNAME for this broker' }
    }
    if (!(await this.#isReady())) return { ok: false, detail: 'The broker cannot be reached' }
    if (password !== null) return this.#ask(setCommands(deviceId, username, password))
    const removed = await this.#ask(removeCommands(username))
    if (!removed.ok) return removed
    const other = await this.#ask(lookCommands(otherUsername(deviceId, username)))
    return other.ok || !/not found/i.test(other.detail)
      ? removed
      : this.#ask(removeRoleCommands(deviceId))
  }

  /** Waits for the broker a little. */
  async #isReady(): Promise<boolean> {
    if (!this.#ready)
      await new Promise<void>((resolve) => {
        const go = () => {
          clearTimeout(timer)
          this.#waiting.delete(go)
          resolve()
        }
        const timer = setTimeout(go, READY_MS)
        this.#waiting.add(go)
      })
    return this.#ready
  }

  #ask(asked: readonly SecurityCommand[]): Promise<Provisioned> {
    const correlationData = randomUUID()
    const commands = asked.map((command) => ({ ...command, correlationData }))
    return new Promise((resolve) => {
      const done = (result: Provisioned) => {
        clearTimeout(timer)
        this.#pending.delete(correlationData)
        resolve(result)
      }
      const timer = setTimeout(
        () => done({ ok: false, detail: 'The broker did not answer in time' }),
        TIMEOUT_MS - READY_MS,
      )
      this.#pending.set(correlationData, { left: commands.length, errors: [], done })
      this.#client?.publish(CONTROL, JSON.stringify({ commands }), { qos: 1 }, (error) => {
        if (error) done({ ok: false, detail: 'The broker did not take the change' })
      })
    })
  }

  async stop(): Promise<void> {
    await this.#client?.endAsync(true)
  }

  #answered(payload: string): void {
    const { data } = Responses.safeParse(parseJson(payload))
    for (const { command, correlationData, error } of data?.responses ?? []) {
      const pending = this.#pending.get(correlationData ?? '')
      if (pending === undefined) continue
      if (error !== undefined && !isHarmless(command, error)) {
        pending.errors.push(`${command}: ${error}`)
      }
      if (--pending.left > 0) continue
      const [detail] = pending.errors
      // Not being there is an answer to a look.
      if (detail !== undefined && command !== 'getClient')
        this.#logger.error('the broker refused a change', { detail })
      pending.done(detail === undefined ? { ok: true } : { ok: false, detail })
    }
  }
}
