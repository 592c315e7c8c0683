import type { CallStatus } from '@menagerie/contracts'
import { err, newId, ok, type Result } from '@menagerie/core'
import { fail } from '../shared/journal-refusal.ts'
import { incomingDetails } from './call-details.ts'
import type { CallInput, DialOutcome } from './call-inputs.ts'
import { hasEnded } from './call-phase.ts'
import { receive, step } from './call-state.ts'
import { decisionOf, inputOf } from './decision.ts'
import { type Instruction, instructionsOf, legInstructionsOf } from './instructions.ts'
import { RoomBase } from './room-base.ts'
import type {
  CallContext,
  CallRoomError,
  CarrierQuestion,
  CarrierWebhook,
  IncomingCall,
} from './room-types.ts'

/** What the carrier tells and asks by its webhooks. */
export abstract class RoomCarrier extends RoomBase {
  /**
   * Opens the room of a call that came in. The carrier asks again where it did not get the answer: then it is told the
   * same words, and what the call shall do by now, since an agent may have taken it in the meantime.
   */
  receive(call: IncomingCall, context: CallContext = {}): Result<Instruction[], CallRoomError> {
    const { id, callSid, flow } = call
    const input = inputOf('carrier', 'webhook', `voice ${callSid}`, { callSid }, context)
    const created = this.journal.create<Instruction[]>(id, input, (now) => {
      const first = receive(incomingDetails(call, now), callSid, flow?.steps ?? null)
      const told = step(first.state, { type: 'carrier.asked', callSid, dial: null }, now)
      const next = { ...first, state: told.state }
      return decisionOf(next, instructionsOf(first.state), context.traceparent)
    })
    if (!created.ok) return fail(created.error)
    const { outcome, replayed } = created.value
    if (!replayed && this.journal.state !== undefined) this.log.began(this.journal.state)
    const told = replayed ? this.#toldAgain(outcome, callSid, context) : ok(outcome)
    this.log.end('call.receive', !replayed, { callId: id, ...context })
    return told
  }

  /**
   * What the carrier shall do now. Each asking is one of its own, since the carrier asks again whenever it was
   * redirected; the answer follows from how the call stands.
   */
  ask(
    { webhook, dial }: CarrierQuestion,
    context: CallContext = {},
  ): Result<Instruction[], CallRoomError> {
    const { callSid } = webhook.report
    const reported = this.carrierStatus(webhook, context)
    if (!reported.ok) return reported
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    if (webhook.leg !== undefined) return this.#askLeg(webhook.leg, callSid, dial, context)
    if (state.leg.callSid !== callSid) return ok([{ type: 'hangup' }])
    const went =
      dial === undefined ? ok(false) : this.#hear({ type: 'carrier.asked', callSid, dial }, context)
    if (!went.ok) return went
    // News of a phone that was answered is no question: nobody reads words out because of it.
    const isNews = dial?.status === 'answered' || dial?.status === 'in-progress'
    const told = isNews ? ok(instructionsOf(state)) : this.#tell(callSid, context)
    this.log.end('call.ask', told.ok, { ...context })
    return told
  }

  /**
   * What the carrier tells in a webhook; late, repeated and reordered ones change nothing that they should not.
   *
   * @returns where the call stands then
   */
  carrierStatus(
    webhook: CarrierWebhook,
    context: CallContext = {},
  ): Result<CallStatus, CallRoomError> {
    const { report, sequence, leg } = webhook
    const id = JSON.stringify([report.callSid, report.status, sequence])
    const input = { type: 'carrier.report', report, ...(leg === undefined ? {} : { leg }) } as const
    const taken = this.#hear(input, context, id)
    this.log.end('call.carrier', taken.ok && taken.value, {
      carrierStatus: report.status,
      ...context,
    })
    const state = this.journal.state
    if (!taken.ok || state === undefined) return taken.ok ? err({ code: 'not_found' }) : taken
    return ok(state.phase.status)
  }

  #askLeg(
    leg: string,
    callSid: string,
    dial: DialOutcome | undefined,
    context: CallContext,
  ): Result<Instruction[], CallRoomError> {
    const went =
      dial === undefined
        ? ok(false)
        : this.#hear({ type: 'carrier.asked', leg, callSid, dial }, context)
    this.log.end('call.ask', went.ok, { ...context })
    const state = this.journal.state
    if (!went.ok || state === undefined) return went.ok ? err({ code: 'not_found' }) : went
    return ok(legInstructionsOf(state, leg, callSid))
  }

  #toldAgain(
    first: readonly Instruction[],
    callSid: string,
    context: CallContext,
  ): Result<Instruction[], CallRoomError> {
    const state = this.journal.state
    if (state === undefined || hasEnded(state)) return ok([{ type: 'hangup' }])
    const told = this.#tell(callSid, context)
    if (!told.ok) return told
    return ok([...first.filter(({ type }) => type === 'say'), ...told.value])
  }

  /** What the carrier shall do now; from here on it has been told. */
  #tell(callSid: string, context: CallContext): Result<Instruction[], CallRoomError> {
    const state = this.journal.state
    if (state === undefined) return err({ code: 'not_found' })
    const instructions = instructionsOf(state)
    const said = this.#hear({ type: 'carrier.asked', callSid, dial: null }, context)
    return said.ok ? ok(instructions) : said
  }

  #hear(input: CallInput, context: CallContext, id = newId()): Result<boolean, CallRoomError> {
    return this.take({ actor: 'carrier', source: 'webhook', id, context }, input)
  }
}
