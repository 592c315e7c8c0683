import { randomUUID } from 'node:crypto'
import type { Logger } from '@menagerie/core/logger'
import { z } from 'zod'
import { parseJson } from '../parse-json.ts'
import type { BridgeSettings } from '../settings.ts'
import { Administrator } from './administrator.ts'
import type { BrokerClientOptions } from './broker-client.ts'
import {
  changeCommands,
  createCommands,
  isForeign,
  isStanding,
  lookCommands,
  removeCommands,
  removeRoleCommands,
  type SecurityCommand,
  SecurityReply,
  usernamesOf,
} from './device-role.ts'

/** The edge waits 5 s. */
const TIMEOUT_MS = 4_000
/** Of it, for its turn to come and for the broker to be there: a bridge that has just come is asked at once. */
const BEGIN_MS = 2_000

const Responses = z.looseObject({ responses: z.array(SecurityReply) })

/** What became of a change. */
export type Provisioned = { ok: true } | { ok: false; detail: string }

const refusal = (detail: string): Provisioned => ({ ok: false, detail })

/** The broker has not done what it was asked for. */
class SecurityError extends Error {
  override name = 'SecurityError'
}

interface Pending {
  left: number
  replies: SecurityReply[]
  done(replies: SecurityReply[]): void
}

export interface ProvisionerOptions extends Omit<BrokerClientOptions, 'onUp'> {
  settings: Pick<BridgeSettings, 'mqtt' | 'admin' | 'publisher'>
}

/**
 * Tells Mosquitto's dynamic security about devices, over a connection with the rights of its administrator. Who stands by
 * has none: the broker may give that user one connection, and each would end the other's.
 */
export class Provisioner {
  readonly #settings: ProvisionerOptions['settings']
  readonly #logger: Logger
  readonly #admin: Administrator | undefined
  readonly #pending = new Map<string, Pending>()
  readonly #waiting = new Set<() => void>()
  /** The last change: they follow one another, since the broker does no two at a time. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(options: ProvisionerOptions) {
    const { settings, logger } = options
    this.#settings = settings
    this.#logger = logger
    if (settings.admin !== undefined)
      this.#admin = new Administrator({
        ...options,
        user: settings.admin,
        onUp: () => {
          for (const go of this.#waiting) go()
        },
        onAnswer: (payload) => this.#answered(payload),
      })
  }

  /** This bridge has the link. */
  start(): void {
    this.#admin?.start()
  }

  /** Another bridge has it. */
  park(reason: string): void {
    this.#admin?.park(reason)
  }

  /** It has left the broker because it was not sure to have the link. */
  get isParked(): boolean {
    return this.#admin?.state.name === 'parked'
  }

  /**
   * Returns when the broker has said that it knows the password, or has forgotten the user name and cut its connections.
   * One whose turn does not come in time is refused and not done: its caller asks again.
   *
   * @param password `null` takes the access away
   */
  set(deviceId: string, username: string, password: string | null): Promise<Provisioned> {
    const askedAt = performance.now()
    const work = this.#last.then(() => this.#set(deviceId, username, password, askedAt))
    // A fault in one change is no reason to do no other ever again.
    this.#last = work.catch(() => undefined)
    return work
  }

  async #set(
    deviceId: string,
    username: string,
    password: string | null,
    askedAt: number,
  ): Promise<Provisioned> {
    const { admin, publisher, mqtt: broker } = this.#settings
    // Else whoever registers a device of that name would have the bridge's rights.
    const own = [admin?.username, publisher?.username, broker.username]
    if (own.includes(deviceId) || own.includes(username))
      return refusal('This name belongs to the bridge')
    if (!usernamesOf(deviceId).includes(username)) return refusal('This name is not of the device')
    if (this.#admin === undefined)
      return refusal('The bridge has no MQTT_ADMIN_USERNAME for this broker')
    if (!(await this.#isReady(askedAt + BEGIN_MS))) return refusal('The broker cannot be reached')
    if (performance.now() > askedAt + BEGIN_MS) return refusal('The broker is busy')
    const until = askedAt + TIMEOUT_MS
    try {
      return password === null
        ? await this.#remove(deviceId, username, until)
        : await this.#make(deviceId, username, password, until)
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error
      this.#logger.error('the broker did not do a change', { deviceId, detail: error.message })
      return refusal(error.message)
    }
  }

  async #make(
    deviceId: string,
    username: string,
    password: string,
    until: number,
  ): Promise<Provisioned> {
    const replies = await this.#ask(createCommands(deviceId, username, password), until)
    const standing = new Set(replies.filter(isStanding).map(({ command }) => command))
    if (standing.has('createClient')) {
      const known = await this.#ask(lookCommands(username), until)
      if (known.some((reply) => isForeign(deviceId, reply)))
        return refusal('This name belongs to somebody else at the broker')
    }
    const changes = changeCommands(deviceId, username, password, standing)
    if (changes.length > 0) await this.#ask(changes, until)
    return { ok: true }
  }

  async #remove(deviceId: string, username: string, until: number): Promise<Provisioned> {
    const known = await this.#ask(lookCommands(...usernamesOf(deviceId)), until)
    const own = known
      .filter((reply) => !isForeign(deviceId, reply))
      .flatMap(({ data }) => data?.client?.username ?? [])
    if (own.includes(username)) await this.#ask(removeCommands(username), until)
    if (own.every((one) => one === username)) await this.#ask(removeRoleCommands(deviceId), until)
    return { ok: true }
  }

  /** Waits for the broker a little. */
  async #isReady(until: number): Promise<boolean> {
    if (this.#admin?.isUp !== true)
      await new Promise<void>((resolve) => {
        const go = () => {
          clearTimeout(timer)
          this.#waiting.delete(go)
          resolve()
        }
        const timer = setTimeout(go, until - performance.now())
        this.#waiting.add(go)
      })
    return this.#admin?.isUp === true
  }

  /**
   * What the broker answers, in order.
   *
   * @throws SecurityError when it does not answer in time, or that a command failed for another reason than that the
   * wanted state stands
   */
  async #ask(asked: readonly SecurityCommand[], until: number): Promise<SecurityReply[]> {
    const correlationData = randomUUID()
    const commands = asked.map((command) => ({ ...command, correlationData }))
    const replies = await new Promise<SecurityReply[]>((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#pending.delete(correlationData)
      }
      const fail = (detail: string) => {
        end()
        reject(new SecurityError(detail))
      }
      const timer = setTimeout(
        () => fail('The broker did not answer in time'),
        until - performance.now(),
      )
      const done = (replies: SecurityReply[]) => {
        end()
        resolve(replies)
      }
      this.#pending.set(correlationData, { left: commands.length, replies: [], done })
      const told = JSON.stringify({ commands })
      this.#admin?.send(told, () => fail('The broker did not take the change'))
    })
    const failed = replies.find((reply) => reply.error !== undefined && !isStanding(reply))
    if (failed !== undefined) throw new SecurityError(`${failed.command}: ${failed.error}`)
    return replies
  }

  async stop(timeoutMs: number): Promise<void> {
    await this.#admin?.stop(timeoutMs)
  }

  #answered(payload: string): void {
    const { data } = Responses.safeParse(parseJson(payload))
    for (const reply of data?.responses ?? []) {
      const pending = this.#pending.get(reply.correlationData ?? '')
      if (pending === undefined) continue
      pending.replies.push(reply)
      if (--pending.left === 0) pending.done(pending.replies)
    }
  }
}
