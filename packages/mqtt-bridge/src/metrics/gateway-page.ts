import type { Logger } from '@menagerie/core/logger'
import type { BridgeSettings } from '../settings.ts'

const FRESH_MS = 5_000
const TIMEOUT_MS = 4_000
const MOST_CHARACTERS = 5_000_000

/** The gateway's `/metrics`, asked at most every five seconds however many scrape. */
export class GatewayPage {
  readonly #settings: Pick<BridgeSettings, 'edgeUrl' | 'scrapeToken'>
  readonly #logger: Logger
  #page = ''
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(settings: Pick<BridgeSettings, 'edgeUrl' | 'scrapeToken'>, logger: Logger) {
    this.#settings = settings
    this.#logger = logger
  }

  /** Empty where the gateway cannot be reached, so that a scrape shows a gap and no old numbers. */
  async read(): Promise<string> {
    if (this.#settings.scrapeToken === undefined) return ''
    if (performance.now() - this.#askedAt > FRESH_MS) {
      this.#asking ??= this.#ask().finally(() => {
        this.#asking = undefined
      })
      await this.#asking
    }
    return this.#page
  }

  async #ask(): Promise<void> {
    const { edgeUrl, scrapeToken } = this.#settings
    this.#askedAt = performance.now()
    this.#page = ''
    try {
      const response = await fetch(`${edgeUrl}/metrics`, {
        headers: { authorization: `Bearer ${scrapeToken}`, accept: 'text/plain' },
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      const text = await response.text()
      if (!response.ok) throw new Error(`status ${response.status}`)
      if (text.length <= MOST_CHARACTERS) this.#page = text
    } catch (error) {
      this.#logger.warn("the gateway's metrics could not be read", { error })
    }
  }
}
