import type { JsonObject } from '@menagerie/core'
import type { Destination, JournalStorage } from '../journal/index.ts'
import { hasEnded } from './call-phase.ts'
import type { CallInput, CallState, CarrierOrder } from './call-types.ts'
import { type Carrier, CarrierAway, type PlaceCall } from './carriers/carrier.ts'

/** An order whose answer was lost may take this long to show in the carrier's list. */
const SETTLE_MS = 2_000
/** An order to hang up is given up when the carrier was away for this long after the call's end. */
const GIVE_UP_MS = 60 * 60_000
/** Keys that could not be pressed for this long are not what the other side waits for any more. */
const LATE_KEYS_MS = 10_000

type Pressing = {
  number: number
  digits: string
  /** Milliseconds since the epoch. */
  since: number
}

export interface CarrierDeskHost {
  carrier: Carrier
  exec: JournalStorage['exec']
  now: () => number
  /** The call as it is now; it may change while the carrier is asked. */
  state: () => CallState | undefined
  /** Tells the room what the carrier said. */
  tell: (input: CallInput) => void
}

/** When an order to dial was sent whose outcome is not known. At most one row. */
export const createPlacingTable = (exec: JournalStorage['exec']): void => {
  exec('CREATE TABLE placing (attempted_at INTEGER NOT NULL)')
}

/**
 * Orders to press keys that are under way, by their number. `stage`: 0 waits, 1 may have reached the carrier, 2 is over
 * before its own turn came.
 */
export const createPressingTable = (exec: JournalStorage['exec']): void => {
  exec(
    `CREATE TABLE pressing (
       number INTEGER PRIMARY KEY, digits TEXT NOT NULL, since INTEGER NOT NULL, stage INTEGER NOT NULL
     )`,
  )
}

/**
 * Carries out a room's orders to its carrier, from the outbox: none is lost by a crash, and nobody's phone rings twice.
 * An order to dial is marked before it leaves; a mark that is found without a known call means that the order may have
 * arrived, and then the carrier is asked before anything is sent again. Keys are marked the same way, and pressed at most
 * once: nobody can be asked whether they were.
 */
export function carrierDesk(host: CarrierDeskHost): Destination {
  // Kept in memory only: forgetting it means one request too early.
  let notBefore = 0

  const attemptedAt = (): number | undefined =>
    host.exec<{ attempted_at: number }>('SELECT attempted_at FROM placing')[0]?.attempted_at
  const forgetAttempt = () => host.exec('DELETE FROM placing')

  async function place(): Promise<void> {
    const before = host.state()
    // A call that ended with an order of unknown outcome has an order to hang up behind this one: that one looks.
    if (before === undefined || hasEnded(before) || before.leg.callSid !== null) return
    if ((await lookUp(before)) === 'found') return
    const state = host.state() ?? before
    if (hasEnded(state) || state.leg.callSid !== null) return
    if (state.leg.hangup !== null) return host.tell({ type: 'carrier.absent' })
    bePatient()
    host.exec('INSERT INTO placing (attempted_at) VALUES (?)', host.now())
    const placed = await host.carrier.place(orderOf(state))
    switch (placed.outcome) {
      case 'placed':
        host.tell({ type: 'carrier.accepted', callSid: placed.callSid })
        forgetAttempt()
        return
      case 'refused':
        forgetAttempt()
        return host.tell({ type: 'carrier.refused' })
      case 'busy':
        forgetAttempt()
        throw new CarrierAway('The carrier has too much to do', placed)
      case 'unsure':
        throw new CarrierAway(placed.detail)
    }
  }

  async function hangUp(callSid: string | null): Promise<void> {
    const state = host.state()
    if (state === undefined) return
    if (hasEnded(state) && state.phase.endedAt + GIVE_UP_MS < host.now()) return
    if (callSid === null && state.leg.callSid === null && (await lookUp(state)) === 'none')
      return host.tell({ type: 'carrier.absent' })
    const known = callSid ?? host.state()?.leg.callSid
    if (known === undefined || known === null) return
    bePatient()
    await host.carrier.hangUp(known)
  }

  /** Whether an order to dial that is under way has made a call; `none` when there is no such order. */
  async function lookUp(state: CallState): Promise<'found' | 'none'> {
    const since = attemptedAt()
    if (since === undefined) return 'none'
    const found = await host.carrier.find(orderOf(state), since)
    switch (found.outcome) {
      case 'found':
        host.tell({ type: 'carrier.accepted', callSid: found.callSid })
        forgetAttempt()
        return 'found'
      case 'none':
        if (host.now() < since + SETTLE_MS) throw new CarrierAway('The order may still arrive')
        forgetAttempt()
        return 'none'
      case 'unsure':
        throw new CarrierAway('The carrier has calls that may be this one')
    }
  }

  async function redirect(): Promise<void> {
    const state = host.state()
    const callSid = sidToSteer(state)
    if (state === undefined || callSid === null) return
    try {
      await host.carrier.redirect(callSid, state.details.id)
    } catch (error) {
      // An order to hang up waits behind this one.
      if (host.state()?.leg.hangup === null) throw error
    }
  }

  /** An order that failed is tried again when its time comes, and a later one may be due before: it takes the earlier along. */
  async function press(number: number, digits: string): Promise<void> {
    host.exec('INSERT OR IGNORE INTO pressing VALUES (?, ?, ?, 0)', number, digits, host.now())
    const waiting = host.exec<Pressing>(
      `SELECT * FROM pressing WHERE number <= ?1 AND stage = 0
       AND EXISTS (SELECT 1 FROM pressing WHERE number = ?1 AND stage = 0) ORDER BY number`,
      number,
    )
    for (const one of waiting) await pressOne(one)
    host.exec('DELETE FROM pressing WHERE number = ?', number)
  }

  async function pressOne({ number, digits, since }: Pressing): Promise<void> {
    const enter = (stage: 0 | 1 | 2) =>
      host.exec('UPDATE pressing SET stage = ? WHERE number = ?', stage, number)
    const state = host.state()
    const callSid = sidToSteer(state)
    const late = host.now() - since > LATE_KEYS_MS || state?.leg.hangup !== null
    if (late || state === undefined || callSid === null) return void enter(2)
    bePatient()
    enter(1)
    try {
      await host.carrier.digits(callSid, state.details.id, digits)
    } catch (error) {
      enter(0)
      throw error
    }
    enter(2)
  }

  async function check(): Promise<void> {
    const state = host.state()
    const callSid = state?.leg.callSid
    if (state === undefined || hasEnded(state) || callSid === undefined || callSid === null) return
    const report = await host.carrier.fetch(callSid)
    host.tell(report === undefined ? { type: 'carrier.lost' } : { type: 'carrier.report', report })
  }

  /** @throws CarrierAway while the carrier wants to be left alone */
  function bePatient(): void {
    if (host.now() < notBefore) throw new CarrierAway('The carrier asked us to wait')
  }

  async function carryOut(id: string, order: CarrierOrder): Promise<void> {
    switch (order.type) {
      case 'carrier.place':
        return place()
      case 'carrier.hangup':
        return hangUp(order.callSid)
      case 'carrier.check':
        return check()
      case 'carrier.redirect':
        return redirect()
      case 'carrier.digits':
        return press(numberOf(id), order.digits)
    }
  }

  return {
    delivery: 'confirmed',
    batchSize: 1,
    async send(rows: readonly { id: string; body: JsonObject }[]) {
      for (const { id, body } of rows) {
        try {
          await carryOut(id, body as CarrierOrder)
        } catch (error) {
          if (error instanceof CarrierAway && error.retryAfterSeconds !== undefined)
            notBefore = host.now() + error.retryAfterSeconds * 1000
          throw error
        }
      }
    },
  }
}

/** An order's place among those of its call, which its id ends with. */
const numberOf = (id: string): number => Number(id.slice(id.lastIndexOf(':') + 1))

/**
 * The carrier's id of a call that can still be told what to do; `null` for one that has ended or was never dialled:
 * an order that comes too late is dropped.
 */
const sidToSteer = (state: CallState | undefined): string | null =>
  state === undefined || hasEnded(state) ? null : state.leg.callSid

const orderOf = ({ details }: CallState): PlaceCall => ({
  callId: details.id,
  to: details.to,
  from: details.from,
  ringTimeoutSeconds: details.ringTimeoutSeconds,
  record: details.record,
})
