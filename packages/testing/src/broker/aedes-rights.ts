import { createHash, timingSafeEqual } from 'node:crypto'
import { BrokerDecision } from '@menagerie/contracts'
import { deviceOfUsername } from './client-ids.ts'

const TIMEOUT_MS = 5_000
/** Of one connection; beyond it the edge is asked again. */
const MOST_KEPT = 1_000

/** Compares hashes, since the comparison wants equal lengths. */
export const secretsEqual = (one: string, other: string): boolean =>
  timingSafeEqual(sha256(one), sha256(other))

const sha256 = (text: string) => createHash('sha256').update(text).digest()

/** Down topics only: an up topic of the bridge could pass for a device's (S114). */
export const bridgeMayPublish = (topic: string): boolean =>
  /^v1\/devices\/[^/]+\/(acks|twin\/(state|delta)|(commands|answers)\/[^/]+)$/.test(topic) ||
  /^\$aws\/things\/[^/]+\/shadow\/(get|update|delete)\/[^/]+$/.test(topic)

export const bridgeMaySubscribe = (filter: string): boolean =>
  filter.startsWith('v1/devices/') || filter.startsWith('$aws/things/')

/** What the edge says about devices, by the requests of EMQX's HTTP authenticator and authorizer. */
export class EdgeRights {
  readonly #edgeUrl: string
  readonly #secret: string
  /** What was allowed to a connection, so that not every publish is a request; gone with the connection. */
  readonly #allowed = new WeakMap<object, Set<string>>()

  constructor(edgeUrl: string, secret: string) {
    this.#edgeUrl = edgeUrl
    this.#secret = secret
  }

  /** The edge ties client ids to devices; which foreign ones do no harm, the broker has found out itself. */
  async mayConnect(username: string, password: string): Promise<'allow' | 'deny' | 'unavailable'> {
    try {
      return await this.#ask('auth', {
        username,
        password,
        clientid: deviceOfUsername(username),
      })
    } catch {
      return 'unavailable'
    }
  }

  /** Nothing is allowed while the edge is away: the connection ends, and its client tries again. */
  async may(
    connection: object,
    username: string,
    action: 'publish' | 'subscribe',
    topic: string,
  ): Promise<boolean> {
    const allowed = this.#allowed.get(connection) ?? new Set()
    const question = `${action} ${topic}`
    if (allowed.has(question)) return true
    try {
      const result = await this.#ask('acl', { username, clientid: username, action, topic })
      if (result !== 'allow') return false
    } catch {
      return false
    }
    if (allowed.size >= MOST_KEPT) allowed.clear()
    this.#allowed.set(connection, allowed.add(question))
    return true
  }

  async #ask(path: 'auth' | 'acl', body: object): Promise<'allow' | 'deny'> {
    const response = await fetch(`${this.#edgeUrl}/devices/bridge/${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#secret}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify(body),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    // A malformed name or password is the client's fault, which the edge says with 422.
    if (response.status === 422) return 'deny'
    if (!response.ok) throw new Error(`status ${response.status}`)
    return BrokerDecision.parse(await response.json()).result
  }
}
