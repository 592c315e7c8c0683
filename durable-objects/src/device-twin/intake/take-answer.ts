import type { BridgeResult } from '@menagerie/contracts'
import { deviceAnswered } from '../commands/command-state.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { ParsedMessage } from './parse-message.ts'
import { duplicate, type Pass, stored } from './pass.ts'
import { arrivalKey } from './sample-keys.ts'

/** A device answers a command. One that has ended, or was told so before, is left as it is. */
export function takeAnswer(
  pass: Pass,
  message: DeviceMessage,
  { commandId, answer }: Extract<ParsedMessage, { kind: 'answer' }>,
): BridgeResult {
  // A request that is repeated must not turn progress back, nor have an answer count that came before its command was sent.
  if (pass.repeats(arrivalKey(message, `${message.topic} ${message.payload}`))) return duplicate
  const { known, plan } = pass
  const command = plan.commands.find(commandId)
  if (command === undefined)
    return pass.reject(message, {
      code: 'unknown_topic',
      detail: 'There is no such command, or it ended long ago',
      numbers: [],
    })
  const next = deviceAnswered(command, answer, known.now)
  if (next.state === 'QUEUED') return pass.refuse(message, 'The command has not been sent yet')
  const { id } = plan.state.details
  pass.happen(...plan.commands.put(id, command, next))
  // The clock may end a command in the moment of its answer: then the answer came too late.
  const isLate = next === command || next.state === 'TIMEOUT' || next.state === 'EXPIRED'
  return isLate ? duplicate : stored
}
