import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { sign } from '../carrier/sign.ts'
import type { InboxEntry, InboxStore } from './inbox-store.ts'

export interface TextWebhooksOptions {
  store: InboxStore
  accountSid: string
  authToken: string
  /** Where texts to the customer's numbers are told of. */
  gatewayUrl: string
  /** Divides the time that a text is on its way. */
  speed: number
}

/** A text that somebody writes to one of the customer's numbers. */
export interface InboundText {
  from: string
  to: string
  body: string
}

const REQUEST_TIMEOUT_MS = 5_000
const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 60_000
/** How long a webhook is tried. */
const GIVE_UP_MS = 60 * 60_000
/** How long a text is on its way to each status. */
const TRAVEL_MS = 300

/** The carrier's id of a text. */
export const textSid = ({ id }: InboxEntry): string => `SM${id.replaceAll('-', '')}`

/** What the lab's carrier tells of texts, signed: how one stands that was sent, and that one came in. */
export class TextWebhooks {
  readonly #options: TextWebhooksOptions
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<unknown>>()

  constructor(options: TextWebhooksOptions) {
    this.#options = options
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.allSettled(this.#running)
  }

  /** A text was taken: its sender hears that it was sent, and that it arrived. */
  sent(entry: InboxEntry): void {
    this.#run(this.#travel(entry))
  }

  /**
   * Somebody writes to the customer. One that does not answer is told again later, for an hour.
   *
   * @returns the text's id, and how the webhook was answered the first time
   */
  async inbound({ from, to, body }: InboundText): Promise<{ sid: string; answer: string }> {
    const sid = `SM${randomBytes(16).toString('hex')}`
    const form: [string, string][] = [
      ...this.#about(sid, from, to),
      ['Body', body],
      ['NumMedia', '0'],
      ['NumSegments', String(Math.max(1, Math.ceil(body.length / 160)))],
      ['SmsStatus', 'received'],
      ...waId(from),
    ]
    const url = `${this.#options.gatewayUrl.replace(/\/$/, '')}/webhooks/twilio/message`
    const first = await this.#post(url, form)
    if (first.outcome === 'away') this.#run(this.#deliver(url, form, FIRST_WAIT_MS))
    return { sid, answer: first.said }
  }

  async #travel(entry: InboxEntry): Promise<void> {
    const { id, to, from = '', callback } = entry
    for (const status of ['sent', 'delivered'] as const) {
      await pause(TRAVEL_MS / this.#options.speed, undefined, { signal: this.#stop.signal })
      this.#options.store.setStatus('sms', id, status)
      if (callback === undefined) continue
      const sid = textSid(entry)
      const form = [
        ...this.#about(sid, from, to[0] ?? ''),
        ['MessageStatus', status],
        ['SmsStatus', status],
      ] as [string, string][]
      await this.#deliver(callback, form, 0)
    }
  }

  #about(sid: string, from: string, to: string): [string, string][] {
    return [
      ['AccountSid', this.#options.accountSid],
      ['ApiVersion', '2010-04-01'],
      ['MessageSid', sid],
      ['SmsSid', sid],
      ['From', from],
      ['To', to],
    ]
  }

  /** Tries until it arrives or is refused, after twice as long each time. */
  async #deliver(url: string, form: [string, string][], firstWaitMs: number): Promise<void> {
    const until = Date.now() + GIVE_UP_MS
    for (let wait = firstWaitMs; Date.now() < until; ) {
      if (wait > 0) await pause(wait, undefined, { signal: this.#stop.signal })
      if ((await this.#post(url, form)).outcome !== 'away') return
      wait = Math.min(LONGEST_WAIT_MS, Math.max(FIRST_WAIT_MS, wait * 2))
    }
  }

  /** Posts once. Never throws. */
  async #post(
    url: string,
    form: [string, string][],
  ): Promise<{ outcome: 'taken' | 'refused' | 'away'; said: string }> {
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'x-twilio-signature': sign(this.#options.authToken, url, form) },
        body: new URLSearchParams(form),
        redirect: 'manual',
        signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
      })
      await response.body?.cancel()
      const { ok, status } = response
      const passing = status >= 500 || status === 429 || status === 408
      return { outcome: ok ? 'taken' : passing ? 'away' : 'refused', said: String(status) }
    } catch (error) {
      return { outcome: 'away', said: error instanceof Error ? error.message : String(error) }
    }
  }

  /** What was going on when the lab stopped goes no further. */
  #run(work: Promise<unknown>): void {
    const running: Promise<unknown> = work
      .catch(() => undefined)
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}

/** What WhatsApp calls a number. */
const waId = (from: string): [string, string][] =>
  from.startsWith('whatsapp:+') ? [['WaId', from.slice('whatsapp:+'.length)]] : []
