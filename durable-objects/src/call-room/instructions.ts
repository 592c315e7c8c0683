import { hasEnded } from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'
import { legOf, legOfParticipant } from './legs.ts'

/** What the carrier shall do with an answered call; each adapter has its own way to say it. */
export type Instruction =
  | { type: 'say'; text: string; language?: string }
  | {
      type: 'dial-number'
      /** E.164. */
      number: string
      callerId: string
      timeoutSeconds: number
      participantId: string
    }
  | { type: 'dial-user'; userId: string; participantId: string; timeoutSeconds: number }
  /** Keep the line open, until the carrier is redirected. */
  | { type: 'wait' }
  /** Keep the line open in a queue, until the carrier is redirected. */
  | { type: 'enqueue'; queueId: string }
  /** Be joined with another of our calls that is told the same name. */
  | {
      type: 'conference'
      name: string
      /** The others' part is over when this call leaves. */
      ends: boolean
    }
  | { type: 'digits'; digits: string }
  | { type: 'hangup' }

/** How long a device or a phone is dialled by the carrier. */
export const DIAL_SECONDS = 30
const MISSING = 'We are sorry, nobody can take your call.'

/** What the carrier shall do with the call as it stands now, with what a flow has not said yet first. */
export const instructionsOf = (state: CallState): Instruction[] => [
  ...words(state),
  actionOf(state),
]

function words({ flow, leg, phase }: CallState): Instruction[] {
  if (leg.hangup?.reason === 'queue_missing' && !('endedAt' in phase))
    return [{ type: 'say', text: MISSING, language: 'en' }]
  if (flow === null || 'endedAt' in phase) return []
  if (leg.hangup !== null && leg.hangup.reason !== 'flow_ended') return []
  return flow.steps.slice(flow.unsaid, flow.next).flatMap((step) =>
    step.type !== 'say'
      ? []
      : [
          {
            type: 'say' as const,
            text: step.text,
            ...(step.language === undefined ? {} : { language: step.language }),
          },
        ],
  )
}

function actionOf(state: CallState): Instruction {
  const { leg, transfer, contact, flow, participants } = state
  if (hasEnded(state) || leg.hangup !== null) return { type: 'hangup' }
  const isDialed = transfer?.mode === 'blind' && transfer.toPhone && transfer.leg === undefined
  const dialed = isDialed ? transfer.target : flow?.dialing
  const target = participants.find(({ id }) => id === dialed)
  if (target !== undefined) return dialNumber(state, target)
  if (contact?.waits === true) return { type: 'enqueue', queueId: contact.queueId }
  const other = participants.find(({ id }) => id === leg.connectedTo)
  if (state.phase.status !== 'in-progress' || transfer !== null || other?.state !== 'joined')
    return { type: 'wait' }
  if (other.kind === 'user') return dialUser(other)
  return legOfParticipant(state, other.id) === undefined
    ? dialNumber(state, other)
    : { type: 'conference', name: state.details.id, ends: true }
}

/** What the carrier shall do with the call of a telephone that is, or was, asked before a transfer. */
export function legInstructionsOf(state: CallState, legId: string, callSid: string): Instruction[] {
  const leg = legOf(state, legId)
  const { transfer } = state
  const isOver = leg === undefined || leg.ending || leg.callSid !== callSid
  if (isOver || hasEnded(state) || state.leg.hangup !== null) return [{ type: 'hangup' }]
  if (transfer?.leg === legId) {
    const by = state.participants.find(({ id }) => id === transfer.by)
    const asks = transfer.mode === 'attended' && transfer.stage === 'consulting' && leg.connects
    return [asks && by?.state === 'joined' ? dialUser(by) : { type: 'wait' }]
  }
  const isIn = state.phase.status === 'in-progress' && state.leg.connectedTo === leg.participantId
  // Its leaving ends nothing here: the carrier reports that, and may have it ask again in between.
  return [isIn ? { type: 'conference', name: state.details.id, ends: false } : { type: 'wait' }]
}

const dialUser = ({ id, address }: CallParticipant): Instruction => ({
  type: 'dial-user',
  userId: address,
  participantId: id,
  timeoutSeconds: DIAL_SECONDS,
})

const dialNumber = (state: CallState, { id, address }: CallParticipant): Instruction => ({
  type: 'dial-number',
  number: address,
  callerId: ownNumber(state),
  timeoutSeconds: dialSeconds(state),
  participantId: id,
})

/** The number of ours that takes part. */
export const ownNumber = ({ details }: CallState): string =>
  details.direction === 'inbound' ? details.to : details.from

function dialSeconds({ flow, transfer }: CallState): number {
  const step = transfer === null && flow !== null ? flow.steps[flow.next - 1] : undefined
  return step?.type === 'dial' ? step.timeoutSeconds : DIAL_SECONDS
}
