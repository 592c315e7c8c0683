import { hasEnded } from './call-phase.ts'
import type { CallParticipant, CallState } from './call-types.ts'

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
  const dialed = transfer?.mode === 'blind' && transfer.toPhone ? transfer.target : flow?.dialing
  const target = participants.find(({ id }) => id === dialed)
  if (target !== undefined) return dialNumber(state, target)
  if (contact?.waits === true) return { type: 'enqueue', queueId: contact.queueId }
  const other = participants.find(({ id }) => id === leg.connectedTo)
  if (state.phase.status !== 'in-progress' || transfer !== null || other?.state !== 'joined')
    return { type: 'wait' }
  if (other.kind === 'phone') return dialNumber(state, other)
  return {
    type: 'dial-user',
    userId: other.address,
    participantId: other.id,
    timeoutSeconds: DIAL_SECONDS,
  }
}

const dialNumber = (state: CallState, { id, address }: CallParticipant): Instruction => ({
  type: 'dial-number',
  number: address,
  callerId: ownNumber(state),
  timeoutSeconds: dialSeconds(state),
  participantId: id,
})

/** The number of ours that takes part. */
const ownNumber = ({ details }: CallState): string =>
  details.direction === 'inbound' ? details.to : details.from

function dialSeconds({ flow, transfer }: CallState): number {
  const step = transfer === null && flow !== null ? flow.steps[flow.next - 1] : undefined
  return step?.type === 'dial' ? step.timeoutSeconds : DIAL_SECONDS
}
