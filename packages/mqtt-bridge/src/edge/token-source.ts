import { ClientTokenResponse } from '@menagerie/contracts'
import type { BridgeSettings } from '../settings.ts'

/** Before its end a token is replaced. */
const EARLY_MS = 30_000
const TIMEOUT_MS = 10_000

interface Held {
  token: string
  /** Milliseconds since the epoch. */
  freshUntil: number
}

/** The bridge's own access token by `client_credentials` (RFC 6749 §4.4), kept until shortly before its end. */
export class TokenSource {
  readonly #settings: Pick<BridgeSettings, 'edgeUrl' | 'realm' | 'client'>
  readonly #now: () => number
  #held: Held | undefined
  #asking: Promise<string> | undefined

  constructor(settings: Pick<BridgeSettings, 'edgeUrl' | 'realm' | 'client'>, now = Date.now) {
    this.#settings = settings
    this.#now = now
  }

  /** @throws Error when the edge gives none; asked again at the next call */
  get(): Promise<string> {
    const held = this.#held
    if (held !== undefined && held.freshUntil > this.#now()) return Promise.resolve(held.token)
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  /** When the last token should be replaced, milliseconds since the epoch. */
  get freshUntil(): number {
    return this.#held?.freshUntil ?? this.#now()
  }

  /** The edge refused this token. A newer one, which another request may have fetched meanwhile, stays. */
  refused(token: string): void {
    if (this.#held?.token === token) this.#held = undefined
  }

  async #ask(): Promise<string> {
    const { edgeUrl, realm, client } = this.#settings
    const url = `${edgeUrl}/auth/realms/${realm}/protocol/openid-connect/token`
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        // Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
        authorization: `Basic ${btoa(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`)}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=client_credentials',
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const body: unknown = await response.json().catch(() => undefined)
    if (!response.ok) throw new Error(refusal(response.status, reason(body), url))
    const { access_token: token, expires_in: seconds } = ClientTokenResponse.parse(body)
    const lifetimeMs = seconds * 1000
    this.#held = {
      token,
      freshUntil: this.#now() + Math.max(lifetimeMs - EARLY_MS, lifetimeMs / 2),
    }
    return token
  }
}

const reason = (body: unknown): string =>
  typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : ''

/** Which of the settings to look at. */
function refusal(status: number, why: string, url: string): string {
  const refused = `the edge gave no token: ${status} ${why}`.trim()
  if (status === 401 || status === 400)
    return `${refused}; look at CLIENT_ID, CLIENT_SECRET and REALM`
  return status === 404 ? `${refused} at ${url}; look at EDGE_URL and REALM` : refused
}
