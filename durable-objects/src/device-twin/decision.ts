import type { Decision } from '../journal/index.ts'
import type { DeviceState, Happening } from './device-state.ts'
import { messagesOf, type SendContext } from './twin-messages.ts'

/**
 * What happened in the journal's words: everything it leads to is saved together.
 *
 * @param send asked when the messages are made, inside the transaction
 * @param save writes to the twin's own tables
 */
export const decisionOf = <T>(
  state: DeviceState,
  happenings: readonly Happening[],
  outcome: T,
  send: () => SendContext,
  save?: () => void,
): Decision<DeviceState, T> => ({
  state,
  events: happenings.map(({ type, data }) => ({ type, data })),
  outcome,
  outbox: (events) => messagesOf(state, happenings, events, send()),
  ...(save === undefined ? {} : { save }),
})
