import type { JsonObject } from '@menagerie/core'
import type { Destination, JournalStorage } from '../journal/index.ts'
import type { CallInput, CarrierInput } from './call-inputs.ts'
import type { CarrierOrder } from './call-outputs.ts'
import { hasEnded } from './call-phase.ts'
import type { CallState } from './call-types.ts'
import { type Carrier, CarrierAway, type PlaceCall } from './carriers/carrier.ts'
import { ownNumber } from './instructions.ts'
import { legOf } from './legs.ts'
import { TRANSFER_RING_MS } from './limits.ts'

/** An order whose answer was lost may take this long to show in the carrier's list. */
const SETTLE_MS = 2_000
/** An order to hang up is given up when the carrier was away for this long after the call's end. */
const GIVE_UP_MS = 60 * 60_000
/** Keys that could not be pressed for this long are not what the other side waits for any more. */
const LATE_KEYS_MS = 10_000

/** The first call of the room, in the place of a leg's id. */
const FIRST = ''

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

/** When an order to dial was sent whose outcome is not known. */
export const createPlacingTable = (exec: JournalStorage['exec']): void => {
  exec('CREATE TABLE placing (attempted_at INTEGER NOT NULL)')
}

/** Whose call it was, by the leg: at most one row each. */
export const addLegToPlacingTable = (exec: JournalStorage['exec']): void => {
  exec("ALTER TABLE placing ADD COLUMN leg TEXT NOT NULL DEFAULT ''")
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

  const attemptedAt = (leg: string | undefined): number | undefined =>
    host.exec<{ attempted_at: number }>(
      'SELECT attempted_at FROM placing WHERE leg = ?',
      leg ?? FIRST,
    )[0]?.attempted_at
  const forgetAttempt = (leg: string | undefined) =>
    host.exec('DELETE FROM placing WHERE leg = ?', leg ?? FIRST)
  const tell = (input: CarrierInput, leg: string | undefined) =>
    host.tell(leg === undefined ? input : { ...input, leg })

  async function place(leg: string | undefined): Promise<void> {
    const before = lineOf(host.state(), leg)
    // A call that ended with an order of unknown outcome has an order to hang up behind this one: that one looks.
    if (before === undefined || before.hasEnded || before.callSid !== null) return
    if ((await lookUp(before, leg)) === 'found') return
    const line = lineOf(host.state(), leg) ?? before
    if (line.hasEnded || line.callSid !== null) return
    if (line.isHungUp) return tell({ type: 'carrier.absent' }, leg)
    bePatient()
    host.exec('INSERT INTO placing (attempted_at, leg) VALUES (?, ?)', host.now(), leg ?? FIRST)
    const placed = await host.carrier.place(line.order)
    switch (placed.outcome) {
      case 'placed':
        tell({ type: 'carrier.accepted', callSid: placed.callSid }, leg)
        forgetAttempt(leg)
        return
      case 'refused':
        forgetAttempt(leg)
        return tell({ type: 'carrier.refused' }, leg)
      case 'busy':
        forgetAttempt(leg)
        throw new CarrierAway('The carrier has too much to do', placed)
      case 'unsure':
        throw new CarrierAway(placed.detail)
    }
  }

  async function hangUp(callSid: string | null, leg: string | undefined): Promise<void> {
    const state = host.state()
    if (state === undefined) return
    if (hasEnded(state) && state.phase.endedAt + GIVE_UP_MS < host.now()) return
    const line = lineOf(state, leg)
    if (callSid === null && line?.callSid === null && (await lookUp(line, leg)) === 'none')
      return tell({ type: 'carrier.absent' }, leg)
    const known = callSid ?? lineOf(host.state(), leg)?.callSid
    if (known === undefined || known === null) return
    bePatient()
    await host.carrier.hangUp(known)
    // Of the first call the room hears that it is over, or does without; of the others nobody waits to hear.
    if (leg !== undefined) tell({ type: 'carrier.absent' }, leg)
  }

  /** Whether an order to dial that is under way has made a call; `none` when there is no such order. */
  async function lookUp({ order }: Line, leg: string | undefined): Promise<'found' | 'none'> {
    const since = attemptedAt(leg)
    if (since === undefined) return 'none'
    const found = await host.carrier.find(order, since)
    switch (found.outcome) {
      case 'found':
        tell({ type: 'carrier.accepted', callSid: found.callSid }, leg)
        forgetAttempt(leg)
        return 'found'
      case 'none':
        if (host.now() < since + SETTLE_MS) throw new CarrierAway('The order may still arrive')
        forgetAttempt(leg)
        return 'none'
      case 'unsure':
        throw new CarrierAway('The carrier has calls that may be this one')
    }
  }

  async function redirect(leg: string | undefined): Promise<void> {
    const state = host.state()
    const line = lineOf(state, leg)
    if (state === undefined || line === undefined || line.hasEnded || line.callSid === null) return
    try {
      await host.carrier.redirect(line.callSid, state.details.id, leg)
    } catch (error) {
      // An order to hang up waits behind this one.
      if (lineOf(host.state(), leg)?.isHungUp === false) throw error
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
    const callSid = state === undefined || hasEnded(state) ? null : state.leg.callSid
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

  async function check(leg: string | undefined): Promise<void> {
    const line = lineOf(host.state(), leg)
    if (line === undefined || line.hasEnded || line.callSid === null) return
    const report = await host.carrier.fetch(line.callSid)
    tell(report === undefined ? { type: 'carrier.lost' } : { type: 'carrier.report', report }, leg)
  }

  /** @throws CarrierAway while the carrier wants to be left alone */
  function bePatient(): void {
    if (host.now() < notBefore) throw new CarrierAway('The carrier asked us to wait')
  }

  async function carryOut(id: string, order: CarrierOrder): Promise<void> {
    switch (order.type) {
      case 'carrier.place':
        return place(order.leg)
      case 'carrier.hangup':
        return hangUp(order.callSid, order.leg)
      case 'carrier.check':
        return check(order.leg)
      case 'carrier.redirect':
        return redirect(order.leg)
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

/** One of the room's calls at the carrier. */
interface Line {
  callSid: string | null
  /** What the carrier was, or is, asked to dial. */
  order: PlaceCall
  /** It was asked to end. */
  isHungUp: boolean
  /** The room's call is over: orders that come too late are dropped. */
  hasEnded: boolean
}

/** `undefined` where there is none, or none any more. */
function lineOf(state: CallState | undefined, legId: string | undefined): Line | undefined {
  if (state === undefined) return undefined
  const { details, leg } = state
  const { id: callId, to, from, ringTimeoutSeconds, record } = details
  if (legId === undefined)
    return {
      callSid: leg.callSid,
      order: { callId, to, from, ringTimeoutSeconds, record },
      isHungUp: leg.hangup !== null,
      hasEnded: hasEnded(state),
    }
  const second = legOf(state, legId)
  const who = state.participants.find(({ id }) => id === second?.participantId)
  if (second === undefined || who === undefined) return undefined
  return {
    callSid: second.callSid,
    order: {
      callId,
      leg: legId,
      to: who.address,
      from: ownNumber(state),
      ringTimeoutSeconds: TRANSFER_RING_MS / 1000,
      record: false,
    },
    isHungUp: second.ending,
    hasEnded: hasEnded(state),
  }
}
