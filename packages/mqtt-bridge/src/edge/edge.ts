import { BridgeAnswer } from '@menagerie/contracts'
import { messageOf } from '../message-of.ts'
import type { Received } from '../received.ts'
import type { BridgeSettings } from '../settings.ts'
import { TokenSource } from './token-source.ts'

/** So that half a keepalive later the bridge can still leave the broker before its keepalive has run out. */
const POST_TIMEOUT_MS = 15_000
const PROBE_TIMEOUT_MS = 3_000

/** What became of one request with a batch. */
export type PostOutcome =
  | { type: 'stored'; answer: BridgeAnswer }
  /** Nothing is known to be stored; the same again later. */
  | { type: 'failed'; reason: string; retryAfterMs?: number }
  /** The edge does not take the batch as it is (413, 422). */
  | { type: 'refused'; status: number; reason: string }

/** The edge over HTTP, with connections that are kept. */
export class Edge {
  readonly tokens: TokenSource
  readonly #messagesUrl: string
  readonly #healthUrl: string
  readonly #link: string

  constructor(settings: Pick<BridgeSettings, 'edgeUrl' | 'realm' | 'client' | 'link'>) {
    this.tokens = new TokenSource(settings)
    this.#messagesUrl = `${settings.edgeUrl}/devices/bridge/messages`
    this.#healthUrl = `${settings.edgeUrl}/health/live`
    this.#link = settings.link
  }

  /**
   * Hands a batch over. Never rejects; a refused token is replaced and the batch sent once more.
   *
   * @param hold devices whose messages the edge may keep where their twins do not take them
   */
  async post(
    batch: readonly Received[],
    hold: readonly string[],
    signal: AbortSignal,
  ): Promise<PostOutcome> {
    const held = hold.length === 0 ? '' : `"hold":${JSON.stringify(hold)},`
    const messages = batch.map(({ json }) => json).join()
    const body = `{"link":${JSON.stringify(this.#link)},${held}"messages":[${messages}]}`
    try {
      const token = await this.tokens.get()
      let response = await this.#send(body, token, signal)
      if (response.status === 401) {
        await response.body?.cancel()
        this.tokens.refused(token)
        response = await this.#send(body, await this.tokens.get(), signal)
      }
      return await readOutcome(response, batch.length)
    } catch (error) {
      return { type: 'failed', reason: messageOf(error) }
    }
  }

  /** Whether the edge answers at all. */
  async answers(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(PROBE_TIMEOUT_MS)
      const response = await fetch(this.#healthUrl, { redirect: 'manual', signal })
      await response.body?.cancel()
      return response.ok
    } catch {
      return false
    }
  }

  #send(body: string, token: string, signal: AbortSignal): Promise<Response> {
    return fetch(this.#messagesUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(POST_TIMEOUT_MS)]),
    })
  }
}

/** Only a 2xx with one result for each message counts as stored. */
async function readOutcome(response: Response, messages: number): Promise<PostOutcome> {
  const { status } = response
  if (status === 413 || status === 422) {
    return { type: 'refused', status, reason: (await response.text()).slice(0, 500) }
  }
  if (!response.ok) {
    await response.body?.cancel()
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN)
    return {
      type: 'failed',
      reason: `status ${status}`,
      ...(Number.isFinite(retryAfter) ? { retryAfterMs: retryAfter * 1000 } : {}),
    }
  }
  const body = (await response.json()) as { data?: unknown }
  const { data: answer } = BridgeAnswer.safeParse(body?.data)
  if (answer?.results.length !== messages) {
    return { type: 'failed', reason: 'the answer has not one result for each message' }
  }
  return { type: 'stored', answer }
}
