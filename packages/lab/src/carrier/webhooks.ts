import { type Answer, deliver, nextTry } from './deliver.ts'
import type { Delivery, LabCall } from './lab-call.ts'
import { type FaultSettings, WebhookFaults } from './webhook-faults.ts'
import { webhookForm } from './webhook-form.ts'

export interface WebhooksOptions {
  accountSid: string
  authToken: string
  /** The customer says, or does not, what a call shall do. */
  answered: (call: LabCall, delivery: Delivery, answer: Answer) => void
  /** A webhook has arrived, was given up, or waits for another try. */
  sent: (call: LabCall) => void
}

/** Webhooks on their way to their customer, kept with their calls: signed, in order, one of a call at a time. */
export class Webhooks {
  readonly #options: WebhooksOptions
  readonly #faults = new WebhookFaults()
  readonly #sending = new Map<string, Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: WebhooksOptions) {
    this.#options = options
  }

  /** How badly they arrive. */
  get faults(): FaultSettings {
    return this.#faults.settings
  }

  dialFaults(settings: FaultSettings): void {
    this.#faults.dial(settings)
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#sending.values())
  }

  /** Puts one in line. */
  queue(call: LabCall, kind: Delivery['kind'], url: string, more: [string, string][]): void {
    const now = Date.now()
    const form = webhookForm(call, this.#options.accountSid, more)
    // Something new to tell: what has waited for the customer is tried again with it, and still goes first.
    for (const waiting of call.deliveries) if (waiting.attempts > 0) waiting.dueAt = now
    const fate = this.#faults.next(kind === 'voice')
    if (fate.lost) {
      note(call, { kind, form }, 'lost')
      return
    }
    const dueAt = now + fate.delayMs + fate.behindMs
    const one: Delivery = { url, kind, form, attempts: 0, dueAt, firstAt: now }
    if (kind === 'voice') one.question = call.questions
    call.deliveries.push(fate.behindMs > 0 ? { ...one, loose: true } : one)
    if (fate.againMs === null) return
    call.deliveries.push({ ...one, dueAt: dueAt + fate.againMs, loose: true, again: true })
  }

  /** A question that nobody waits for is not asked; one under way is not answered any more. */
  dropQuestions(call: LabCall): void {
    call.questions += 1
    const inFlight = this.#sending.has(call.sid)
    call.deliveries = call.deliveries.filter(
      ({ kind, attempts }) => kind === 'status' || (inFlight && attempts > 0),
    )
  }

  /** When the next of a call is due; `undefined` while one is under way, or there is none. */
  dueAt(call: LabCall): number | undefined {
    return this.#sending.has(call.sid) ? undefined : nextOf(call)?.dueAt
  }

  /** Sends the next of a call, when it is due. */
  sendDue(call: LabCall, now: number): void {
    const delivery = this.#sending.has(call.sid) ? undefined : nextOf(call)
    if (delivery === undefined || delivery.dueAt > now) return
    const sent = this.#send(call, delivery).finally(() => {
      this.#sending.delete(call.sid)
      this.#options.sent(call)
    })
    this.#sending.set(call.sid, sent)
  }

  async #send(call: LabCall, delivery: Delivery): Promise<void> {
    delivery.attempts += 1
    const answer = await deliver(delivery, this.#options.authToken, this.#stop.signal)
    const next =
      answer.outcome === 'away' ? nextTry(delivery, Date.now(), Math.random()) : undefined
    const isOver = delivery.kind === 'voice' && delivery.question !== call.questions
    if (next !== undefined && !isOver) {
      delivery.dueAt = next
      return
    }
    call.deliveries = call.deliveries.filter((one) => one !== delivery)
    note(call, delivery, answer.said)
    if (delivery.kind === 'voice' && !isOver && !delivery.again)
      this.#options.answered(call, delivery, answer)
  }
}

function note(call: LabCall, { kind, form }: Pick<Delivery, 'kind' | 'form'>, answer: string) {
  const status = form.find(([name]) => name === 'CallStatus')?.[1] ?? ''
  const told = { status: `${kind} ${status}`, answer, at: Date.now() }
  call.told = [...call.told, told].slice(-20)
}

/** The webhook of a call that is sent next: the first in line, or one that is not in line. */
function nextOf({ deliveries }: LabCall): Delivery | undefined {
  const first = deliveries.find(({ loose }) => !loose)
  return deliveries
    .filter((one) => one === first || one.loose)
    .reduce<Delivery | undefined>(
      (best, one) => (best === undefined || one.dueAt < best.dueAt ? one : best),
      undefined,
    )
}
