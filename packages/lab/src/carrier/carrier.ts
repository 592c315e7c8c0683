import { randomBytes } from 'node:crypto'
import type { CallStore } from './call-store.ts'
import { type Answer, deliver, nextTry } from './deliver.ts'
import { type Delivery, hasEnded, type LabCall, type LabStatus } from './lab-call.ts'
import { type Act, actsOf } from './people.ts'

export interface CarrierOptions {
  store: CallStore
  accountSid: string
  authToken: string
  /** Divides the delays of people. */
  speed: number
}

/** What a customer asks of a new call. */
export interface NewCall {
  to: string
  from: string
  voiceUrl: string
  statusUrl: string | null
  statusEvents: string[]
  timeoutSeconds: number
  idempotencyToken: string | null
}

/** Names of `StatusCallbackEvent` for each status. */
const eventOf: Readonly<Record<LabStatus, string>> = {
  queued: 'queued',
  initiated: 'initiated',
  ringing: 'ringing',
  'in-progress': 'answered',
  completed: 'completed',
  busy: 'completed',
  failed: 'completed',
  'no-answer': 'completed',
  canceled: 'completed',
}

/** A telephone carrier: its calls move as their people act, and it tells its customer by signed webhooks. */
export class Carrier {
  readonly #options: CarrierOptions
  /** One timer for each call that something is still to happen to. */
  readonly #timers = new Map<string, NodeJS.Timeout>()
  readonly #sending = new Map<string, Promise<void>>()
  readonly #stop = new AbortController()

  constructor(options: CarrierOptions) {
    this.#options = options
  }

  /** Goes on with what the file knows of an earlier run. */
  start(): void {
    for (const call of this.calls()) this.#schedule(call)
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await Promise.all(this.#sending.values())
  }

  /** Newest first. */
  calls(): LabCall[] {
    return this.#options.store.all()
  }

  get(sid: string): LabCall | undefined {
    return this.#options.store.get(sid)
  }

  /** Places a call; the same token gives the same call. */
  place(wanted: NewCall): LabCall {
    const { store } = this.#options
    const known =
      wanted.idempotencyToken === null ? undefined : store.byToken(wanted.idempotencyToken)
    if (known !== undefined) return known
    const now = Date.now()
    const call: LabCall = {
      ...wanted,
      sid: `CA${randomBytes(16).toString('hex')}`,
      status: 'queued',
      createdAt: now,
      answeredAt: null,
      endedAt: null,
      act: 0,
      actAt: null,
      sequence: 0,
      deliveries: [],
      told: [],
    }
    this.#planNext(call, now)
    this.#keep(call)
    return call
  }

  /** Ends a call as its customer asks; false when it has ended. `canceled` leaves an answered call alone. */
  end(call: LabCall, status: 'completed' | 'canceled'): boolean {
    if (hasEnded(call) || (status === 'canceled' && call.answeredAt !== null)) return false
    // The carrier that stays silent does so to the end.
    const silent = actsOf(call.to).length === 0
    this.#move(call, call.answeredAt === null ? 'canceled' : 'completed', undefined, silent)
    this.#keep(call)
    return true
  }

  #planNext(call: LabCall, now: number): void {
    const act = actsOf(call.to)[call.act]
    if (act !== undefined) call.actAt = now + act.afterMs / this.#options.speed
    // The timeout is the customer's word, not a person's habit: it keeps its length at any speed.
    else call.actAt = call.status === 'ringing' ? now + call.timeoutSeconds * 1000 : null
  }

  #act(call: LabCall): void {
    const act: Act = actsOf(call.to)[call.act] ?? { afterMs: 0, status: 'no-answer' }
    call.act += 1
    this.#move(call, act.status, act.sipResponseCode)
    if (!hasEnded(call)) this.#planNext(call, Date.now())
  }

  #move(call: LabCall, status: LabStatus, sipResponseCode?: string, silent = false): void {
    const now = Date.now()
    call.status = status
    if (status === 'in-progress') call.answeredAt = now
    if (hasEnded(call)) {
      call.endedAt = now
      call.actAt = null
    }
    if (silent) return
    if (status === 'in-progress') this.#queue(call, 'voice', call.voiceUrl, [])
    if (call.statusUrl === null || !call.statusEvents.includes(eventOf[status])) return
    const talked =
      call.answeredAt === null || call.endedAt === null
        ? 0
        : Math.round((call.endedAt - call.answeredAt) / 1000)
    this.#queue(call, 'status', call.statusUrl, [
      ['SequenceNumber', String(call.sequence++)],
      ['Timestamp', new Date(now).toUTCString()],
      ['CallbackSource', 'call-progress-events'],
      ...(hasEnded(call) ? ([['CallDuration', String(talked)]] as [string, string][]) : []),
      ...(sipResponseCode ? ([['SipResponseCode', sipResponseCode]] as [string, string][]) : []),
    ])
  }

  #queue(call: LabCall, kind: Delivery['kind'], url: string, more: [string, string][]): void {
    const now = Date.now()
    const form: [string, string][] = [
      ['AccountSid', this.#options.accountSid],
      ['ApiVersion', '2010-04-01'],
      ['CallSid', call.sid],
      ['CallStatus', call.status],
      ['Direction', 'outbound-api'],
      ['From', call.from],
      ['To', call.to],
      ...more,
    ]
    // Something new to tell: what has waited for the customer is tried again with it, and still goes first.
    for (const waiting of call.deliveries) waiting.dueAt = now
    call.deliveries.push({ url, kind, form, attempts: 0, dueAt: now, firstAt: now })
  }

  /** Keeps a call and sees to what happens to it next. */
  #keep(call: LabCall): void {
    this.#options.store.save(call)
    this.#schedule(call)
  }

  #schedule(call: LabCall): void {
    clearTimeout(this.#timers.get(call.sid))
    this.#timers.delete(call.sid)
    if (this.#stop.signal.aborted) return
    const webhook = this.#sending.has(call.sid) ? undefined : call.deliveries[0]?.dueAt
    const due = [call.actAt, webhook].filter((at) => at !== null && at !== undefined)
    if (due.length === 0) return
    const wait = Math.max(0, Math.min(...due) - Date.now())
    this.#timers.set(
      call.sid,
      setTimeout(() => this.#wake(call), wait),
    )
  }

  #wake(call: LabCall): void {
    const now = Date.now()
    if (call.actAt !== null && call.actAt <= now) {
      this.#act(call)
      this.#options.store.save(call)
    }
    const [delivery] = call.deliveries
    if (delivery !== undefined && delivery.dueAt <= now && !this.#sending.has(call.sid)) {
      const sent = this.#send(call, delivery).finally(() => {
        this.#sending.delete(call.sid)
        this.#keep(call)
      })
      this.#sending.set(call.sid, sent)
    }
    this.#schedule(call)
  }

  /** One webhook of a call at a time, in order; the next follows once this one arrived or was given up. */
  async #send(call: LabCall, delivery: Delivery): Promise<void> {
    delivery.attempts += 1
    const answer = await deliver(delivery, this.#options.authToken, this.#stop.signal)
    const next =
      answer.outcome === 'away' ? nextTry(delivery, Date.now(), Math.random()) : undefined
    if (next !== undefined) {
      delivery.dueAt = next
      return
    }
    call.deliveries.shift()
    this.#note(call, delivery, answer)
    // An answered call does what the customer's TwiML says; one that gets none hears an error and is over.
    const over = answer.outcome === 'taken' ? answer.hangUp : true
    if (delivery.kind === 'voice' && over && !hasEnded(call)) this.#move(call, 'completed')
  }

  #note(call: LabCall, delivery: Delivery, answer: Answer): void {
    const status = delivery.form.find(([name]) => name === 'CallStatus')?.[1] ?? ''
    const told = { status: `${delivery.kind} ${status}`, answer: answer.said, at: Date.now() }
    call.told = [...call.told, told].slice(-20)
  }
}
