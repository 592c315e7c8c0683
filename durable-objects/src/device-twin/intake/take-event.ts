import type { BridgeResult } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { DeviceMessage } from '../twin-types.ts'
import { takeNumber } from './numbering.ts'
import type { ParsedMessage } from './parse-message.ts'
import { cannotTake, duplicate, type Pass, stored } from './pass.ts'
import { arrivalKey } from './sample-keys.ts'

/** Takes an event once: by its number, its id, or the time of its arrival. */
export function takeEvent(
  pass: Pass,
  message: DeviceMessage,
  { data, number, id, time }: Extract<ParsedMessage, { kind: 'event' }>,
): BridgeResult {
  if (message.of.kind !== 'event') throw new Error('An event has a name')
  const { known, plan } = pass
  if (number !== undefined) {
    const next = takeNumber(plan.numbers, number)
    if (next.outcome === 'forgotten_epoch' || next.outcome === 'too_many_gaps')
      return pass.refuse(message, cannotTake[next.outcome])
    plan.numbers = next.numbers
    pass.numbered.push(number)
    if (next.outcome === 'duplicate') return duplicate
  } else {
    const told = id ?? arrivalKey(message, message.payload ?? '')
    if (told !== undefined) {
      if (plan.eventIds.includes(told) || known.hasEvent(told)) return duplicate
      plan.eventIds.push(told)
    }
  }
  pass.happen({
    type: 'device.event',
    data: {
      name: message.of.name,
      data,
      time: time === undefined ? null : toTimestamp(time),
      receivedAt: toTimestamp(pass.arrival(message)),
    },
  })
  return stored
}
