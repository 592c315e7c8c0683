import { randomBytes } from 'node:crypto'
import type { CallStore } from './call-store.ts'
import type { Answer } from './deliver.ts'
import { freshCall, hasEnded, type LabCall, type LabStatus } from './lab-call.ts'
import { type Act, actsOf } from './people.ts'
import { conferenceOver, play, type Turn } from './script.ts'
import { readTwiml } from './twiml.ts'
import type { FaultSettings } from './webhook-faults.ts'
import { dialForm, eventOf, progressForm } from './webhook-form.ts'
import { Webhooks } from './webhooks.ts'

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
  voiceUrl: string | null
  /** Done once the call is answered, where no address is asked. */
  twiml: string | null
  statusUrl: string | null
  statusEvents: string[]
  timeoutSeconds: number
  idempotencyToken: string | null
}

/** Somebody calls a number of the customer's. */
export interface InboundCall {
  from: string
  to: string
  voiceUrl: string
  statusUrl: string | null
  /** When the caller has enough, after the call began; never when `null`. */
  hangUpAfterMs: number | null
}

/** Where a call goes on, as its customer wants. */
export type Direction = { url: string } | { twiml: string }

/** A telephone carrier: its calls move as their people act, and it tells its customer by signed webhooks. */
export class Carrier {
  readonly #options: CarrierOptions
  readonly #webhooks: Webhooks
  /** One timer for each call that something is still to happen to. */
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(options: CarrierOptions) {
    this.#options = options
    const { accountSid, authToken } = options
    this.#webhooks = new Webhooks({
      accountSid,
      authToken,
      answered: (call, { url }, answer) => this.#answered(call, url, answer),
      sent: (call) => this.#keep(call),
    })
  }

  /** Goes on with what the file knows of an earlier run. */
  start(): void {
    for (const call of this.calls()) this.#schedule(call)
  }

  async stop(): Promise<void> {
    const stopped = this.#webhooks.stop()
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
    await stopped
  }

  /** Newest first. */
  calls(): LabCall[] {
    return this.#options.store.all()
  }

  get(sid: string): LabCall | undefined {
    return this.#options.store.get(sid)
  }

  /** How badly webhooks arrive. */
  get faults(): FaultSettings {
    return this.#webhooks.faults
  }

  dialFaults(settings: FaultSettings): void {
    this.#webhooks.dialFaults(settings)
  }

  /** Places a call; the same token gives the same call. @throws Error for TwiML that is none */
  place({ twiml, ...wanted }: NewCall): LabCall {
    const { store } = this.#options
    const known =
      wanted.idempotencyToken === null ? undefined : store.byToken(wanted.idempotencyToken)
    if (known !== undefined) return known
    const now = Date.now()
    const call: LabCall = { ...freshCall(), ...wanted, sid: newSid(), createdAt: now }
    if (twiml !== null) call.script = readTwiml(twiml, call.statusUrl ?? 'http://lab')
    this.#planNext(call, now)
    this.#keep(call)
    return call
  }

  /** Somebody calls: the customer is asked at once what to do. */
  receive({ hangUpAfterMs, ...wanted }: InboundCall): LabCall {
    const now = Date.now()
    const call: LabCall = {
      ...freshCall(),
      ...wanted,
      sid: newSid(),
      direction: 'inbound',
      status: 'ringing',
      createdAt: now,
      timeoutSeconds: 0,
      // Of a call that came in, a carrier tells its customer the end.
      statusEvents: ['completed'],
      idempotencyToken: null,
      actAt: hangUpAfterMs === null ? null : now + hangUpAfterMs,
    }
    this.#ask(call, wanted.voiceUrl)
    this.#keep(call)
    return call
  }

  /** Ends a call as its customer asks; false when it has ended. `canceled` leaves an answered call alone. */
  end(call: LabCall, status: 'completed' | 'canceled'): boolean {
    if (hasEnded(call) || (status === 'canceled' && call.answeredAt !== null)) return false
    // The carrier that stays silent does so to the end.
    const silent = call.direction === 'outbound-api' && actsOf(call.to).length === 0
    this.#move(call, call.answeredAt === null ? 'canceled' : 'completed', undefined, silent)
    this.#keep(call)
    return true
  }

  /** Whoever holds the phone puts it down; false when the call has ended. */
  putDown(call: LabCall): boolean {
    if (hasEnded(call)) return false
    if (call.answeredAt !== null) this.#move(call, 'completed')
    else if (call.direction === 'inbound') this.#move(call, 'canceled')
    else this.#move(call, 'busy', '603')
    this.#keep(call)
    return true
  }

  /** Sends an answered call elsewhere; false when it is not answered, or over. @throws Error for TwiML that is none */
  direct(call: LabCall, where: Direction): boolean {
    if (call.status !== 'in-progress') return false
    if ('url' in where) this.#ask(call, where.url)
    else {
      const script = readTwiml(where.twiml, call.voiceUrl ?? 'http://lab')
      this.#forgetDocument(call)
      call.script = script
      call.scriptAt = Date.now()
    }
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
    if (call.direction === 'inbound') {
      this.putDown(call)
      return
    }
    const act: Act = actsOf(call.to)[call.act] ?? { afterMs: 0, status: 'no-answer' }
    call.act += 1
    this.#move(call, act.status, act.sipResponseCode)
    if (!hasEnded(call)) this.#planNext(call, Date.now())
  }

  #move(call: LabCall, status: LabStatus, sipResponseCode?: string, silent = false): void {
    const now = Date.now()
    call.status = status
    if (status === 'in-progress') {
      call.answeredAt = now
      if (call.direction === 'outbound-api' && call.voiceUrl !== null)
        this.#ask(call, call.voiceUrl)
      else call.scriptAt = now
    }
    if (hasEnded(call)) {
      call.endedAt = now
      call.actAt = null
      this.#forgetDocument(call)
    }
    if (silent || call.statusUrl === null || !call.statusEvents.includes(eventOf[status])) return
    const more = progressForm(call, call.sequence++, now, sipResponseCode)
    this.#webhooks.queue(call, 'status', call.statusUrl, more)
  }

  /** Asks the customer what the call shall do; what it did before is over. */
  #ask(call: LabCall, url: string, more: [string, string][] = []): void {
    this.#forgetDocument(call)
    call.asking = true
    this.#webhooks.queue(call, 'voice', url, more)
  }

  #forgetDocument(call: LabCall): void {
    const { dial } = call
    Object.assign(call, { script: [], verbUntil: null, dial: null, scriptAt: null, asking: false })
    this.#webhooks.dropQuestions(call)
    if (dial?.kind === 'conference' && dial.ends === true) this.#endConference(dial.to)
  }

  /** Everybody who is in it hears what comes next. */
  #endConference(name: string): void {
    const now = Date.now()
    for (const call of this.calls()) {
      const { dial } = call
      if (dial?.kind !== 'conference' || dial.to !== name) continue
      this.#take(call, conferenceOver(call, dial, now))
      this.#keep(call)
    }
  }

  /** Goes on with the document of a call. */
  #play(call: LabCall, now: number): void {
    const turn = play(call, now, this.#options.speed, (url, dial) =>
      this.#webhooks.queue(call, 'status', url, dialForm(call, dial)),
    )
    this.#take(call, turn)
  }

  #take(call: LabCall, turn: Turn): void {
    call.scriptAt = turn.next === 'wait' ? turn.until : null
    if (turn.next === 'ask') this.#ask(call, turn.url, turn.more)
    if (turn.next === 'end') this.#move(call, 'completed')
  }

  /** Keeps a call and sees to what happens to it next. */
  #keep(call: LabCall): void {
    this.#options.store.save(call)
    this.#schedule(call)
  }

  #schedule(call: LabCall): void {
    clearTimeout(this.#timers.get(call.sid))
    this.#timers.delete(call.sid)
    if (this.#webhooks.stopped) return
    const due = [call.actAt, call.scriptAt, this.#webhooks.dueAt(call)].filter(
      (at) => at !== null && at !== undefined,
    )
    if (due.length === 0) return
    // Node takes no longer timers; it looks again then.
    const wait = Math.min(2 ** 31 - 1, Math.max(0, Math.min(...due) - Date.now()))
    this.#timers.set(
      call.sid,
      setTimeout(() => this.#wake(call), wait),
    )
  }

  #wake(call: LabCall): void {
    const now = Date.now()
    const [acts, plays] = [call.actAt, call.scriptAt].map((at) => at !== null && at <= now)
    if (acts) this.#act(call)
    if (plays && call.scriptAt !== null && !hasEnded(call)) this.#play(call, now)
    if (acts || plays) this.#options.store.save(call)
    this.#webhooks.sendDue(call, now)
    this.#schedule(call)
  }

  /** A call does what the customer's TwiML says; one that gets none hears an error and is over. */
  #answered(call: LabCall, url: string, answer: Answer): void {
    if (hasEnded(call)) return
    call.asking = false
    try {
      if (answer.outcome !== 'taken') throw new Error('There is no TwiML')
      call.script = readTwiml(answer.body, url)
    } catch {
      this.#move(call, call.answeredAt === null ? 'failed' : 'completed')
      return
    }
    if (call.answeredAt === null) this.#move(call, 'in-progress')
    this.#play(call, Date.now())
  }
}

const newSid = (): string => `CA${randomBytes(16).toString('hex')}`
