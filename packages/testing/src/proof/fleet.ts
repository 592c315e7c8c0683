import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { withSecondFactor } from '@menagerie/lab/authenticator'
import { signInAs } from '../follow-call.ts'
import type { RunningSystem } from '../launcher/system.ts'
import { waitFor } from '../wait-for.ts'
import { type ProofDevice, Sender } from './sender.ts'
import { countAtTwins, type TwinCount } from './twin-count.ts'

export interface FleetOptions {
  /** Devices are `{prefix}-1` and so on. */
  prefix: string
  devices: number
  messages: number
  trusts: 'acks' | 'puback'
}

/** Devices that send numbered messages, and what their twins have of them. */
export class Fleet {
  readonly owner: Session
  readonly devices: readonly ProofDevice[]
  /** Messages of each device. */
  readonly each: number
  readonly #senders: readonly Sender[]

  private constructor(
    owner: Session,
    known: readonly ProofDevice[],
    each: number,
    senders: readonly Sender[],
  ) {
    this.owner = owner
    this.devices = known
    this.each = each
    this.#senders = senders
  }

  /** Registers devices and connects them. */
  static async start(system: RunningSystem, options: FleetOptions): Promise<Fleet> {
    const { mqtt } = system
    if (mqtt === undefined) throw new Error('the system has no broker')
    const owner = await signInAs(system, 'admin')
    const { totpSecret = '' } = system.users.find(({ role }) => role === 'admin') ?? {}
    const known: ProofDevice[] = []
    for (let n = 1; n <= options.devices; n++)
      known.push(await register(owner, totpSecret, `${options.prefix}-${n}`))
    const each = Math.ceil(options.messages / options.devices)
    const senders = await Promise.all(
      known.map((device) =>
        Sender.connect({
          url: mqtt.url,
          protocolVersion: mqtt.protocolVersion,
          device,
          messages: each,
          trusts: options.trusts,
        }),
      ),
    )
    return new Fleet(owner, known, each, senders)
  }

  get messages(): number {
    return this.each * this.devices.length
  }

  get published(): number {
    return this.#senders.reduce((sum, { published }) => sum + published, 0)
  }

  /** Lets the devices send up to a share of everything, between 0 and 1. */
  allow(share: number): void {
    for (const sender of this.#senders) sender.allow(Math.ceil(this.each * share))
  }

  /** Until the broker has acknowledged so many messages. */
  async whenPublished(count: number): Promise<void> {
    await waitFor(() => this.published >= count, {
      what: `${count} messages to be published; ${this.published} are`,
      timeoutMs: 120_000,
      intervalMs: 5,
    })
  }

  /** Until none of the devices, of all unless given, holds anything: the rest is up to the system. */
  async whenForgotten(timeoutMs = 120_000, of = this.devices): Promise<void> {
    const ids = new Set(of.map(({ id }) => id))
    const senders = this.#senders.filter((_, index) => ids.has(this.devices[index]?.id ?? ''))
    await waitFor(() => senders.every(({ forgotten }) => forgotten >= this.each), {
      what: 'every device to hold nothing',
      timeoutMs,
    })
  }

  /** What the twins have, once it is everything or nothing more comes. */
  count(): Promise<TwinCount> {
    return countAtTwins(this.owner, this.devices, this.each)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#senders.map((sender) => sender.stop()))
  }
}

async function register(owner: Session, totpSecret: string, id: string): Promise<ProofDevice> {
  await owner.client.call(devices.create, { body: { id } })
  const ask = () => owner.client.call(devices.credentials, { params: { id } })
  const { data } = await waitFor(() => withSecondFactor(owner, totpSecret, ask), {
    what: `credentials for ${id}`,
    timeoutMs: 60_000,
  })
  return { id, password: data.password }
}
