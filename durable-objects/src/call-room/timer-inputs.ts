import type { CallTimerInput } from './call-inputs.ts'

/**
 * What a fired timer of that name means.
 *
 * @param isHere whether a socket of that participant is open
 * @throws Error for a name that no step sets
 */
export function toTimerInput(
  name: string,
  isHere: (participantId: string) => boolean,
): CallTimerInput {
  switch (name) {
    case 'ring-timeout':
    case 'user-ring':
    case 'consult':
    case 'carrier-silent':
    case 'hangup-confirm':
    case 'carrier-check':
    case 'time-limit':
      return { type: `timer.${name}` }
  }
  if (!name.startsWith('gone:')) throw new Error(`A call has no timer "${name}"`)
  const participantId = name.slice('gone:'.length)
  return { type: 'timer.gone', participantId, present: isHere(participantId) }
}
