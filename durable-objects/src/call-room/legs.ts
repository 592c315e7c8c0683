import { chain, effects, having, type Move, order, unchanged } from './call-phase.ts'
import type { CallState, SecondLeg } from './call-types.ts'
import { CARRIER_SILENCE_MS, TRANSFER_RING_MS } from './limits.ts'

/** More calls of one room the carrier need not be busy with; those that are being hung up count. */
export const MAX_LEGS = 4

/** The carrier's calls beside the first that are not known to be over. */
export const legsOf = ({ seconds }: CallState): readonly SecondLeg[] => seconds?.legs ?? []

export const legOf = (state: CallState, id: string): SecondLeg | undefined =>
  legsOf(state).find((leg) => leg.id === id)

/** The call at the carrier of a telephone that takes part over one of its own. */
export const legOfParticipant = (state: CallState, participantId: string): SecondLeg | undefined =>
  legsOf(state).find((leg) => leg.participantId === participantId && !leg.ending)

/** Whether the carrier's call is one of the room's, other than that leg's (other than the first where none is named). */
export const isOtherOfOurs = (state: CallState, callSid: string, leg?: string): boolean =>
  (leg !== undefined && state.leg.callSid === callSid) ||
  legsOf(state).some((one) => one.id !== leg && one.callSid === callSid)

/** Dials a telephone by a call of its own. */
export const dialLeg =
  (id: string, participantId: string, now: number): Move =>
  (state) => {
    const leg = { id, participantId, callSid: null, answered: false, ending: false, connects: true }
    const seconds = { made: made(state) + 1, legs: [...legsOf(state), leg] }
    return chain(
      state,
      having({ seconds }),
      effects({
        type: 'timer.set',
        name: 'consult',
        at: now + TRANSFER_RING_MS + CARRIER_SILENCE_MS,
      }),
      order({ type: 'carrier.place', leg: id }),
    )
  }

const made = ({ seconds }: CallState): number => seconds?.made ?? 0

/** What the next one is called. */
export const nextLegId = (state: CallState): string => `l${made(state) + 1}`

/** Changes what is known of a leg. */
export const noteLeg =
  (id: string, more: Partial<SecondLeg>): Move =>
  (state) =>
    withLegs(
      state,
      legsOf(state).map((leg) => (leg.id === id ? { ...leg, ...more } : leg)),
    )

/** The carrier has no such call any more. */
export const forgetLeg =
  (id: string): Move =>
  (state) =>
    withLegs(
      state,
      legsOf(state).filter((leg) => leg.id !== id),
    )

const withLegs = (state: CallState, legs: readonly SecondLeg[]) =>
  state.seconds === undefined
    ? unchanged(state)
    : having({ seconds: { ...state.seconds, legs } })(state)

/** Hangs a leg up, once. */
export const dropLeg =
  (id: string): Move =>
  (state) => {
    const leg = legOf(state, id)
    if (leg === undefined || leg.ending) return unchanged(state)
    return chain(
      state,
      noteLeg(id, { ending: true }),
      effects({ type: 'timer.cancel', name: 'consult' }),
      order({ type: 'carrier.hangup', callSid: null, leg: id }),
    )
  }

export const dropLegs: Move = (state) =>
  chain(state, ...legsOf(state).map((leg) => dropLeg(leg.id)))

/** Hangs up those that the call goes on without. */
export const dropLegsBeside =
  (participantId: string): Move =>
  (state) =>
    chain(
      state,
      ...legsOf(state)
        .filter((leg) => leg.participantId !== participantId)
        .map(({ id }) => dropLeg(id)),
    )

/** Has the carrier ask again what those shall do that were answered. */
export const redirectLegs: Move = (state) =>
  chain(
    state,
    ...legsOf(state)
      .filter(({ answered, ending, callSid }) => answered && !ending && callSid !== null)
      .map(({ id }) => order({ type: 'carrier.redirect', leg: id })),
  )
