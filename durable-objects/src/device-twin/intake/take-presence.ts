import type { BridgeResult } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { deviceCame } from '../commands/command-state.ts'
import { deltaPayload } from '../document/downlinks.ts'
import { nextPresence, type PresenceMessage } from '../presence/presence-rule.ts'
import { deltaMessages } from '../shadow/shadow-messages.ts'
import type { DeviceMessage } from '../twin-types.ts'
import { duplicate, type Pass, stored } from './pass.ts'
import { arrivalKey } from './sample-keys.ts'

/** A device comes or goes; one that comes is told what is still wanted of it. */
export function takePresence(
  pass: Pass,
  message: DeviceMessage,
  presence: PresenceMessage,
): BridgeResult {
  // A request that is repeated must not have the device come and go once more.
  if (pass.repeats(arrivalKey(message, `${message.topic} ${message.payload}`))) return duplicate
  const { state } = pass.plan
  const next = nextPresence(state.presence, presence, pass.known.now)
  if (next === state.presence) return stored
  pass.plan.state = { ...state, presence: next }
  // A session that is over was remembered: nothing to be told of.
  if (next.state === state.presence.state && next.session === state.presence.session) return stored
  const data = {
    state: next.state,
    previousState: state.presence.state,
    session: next.session,
  }
  const online = next.state === 'online'
  const delta = online ? deltaPayload(state.twin, toTimestamp(pass.known.now)) : undefined
  pass.happen({
    type: 'device.presence',
    data,
    ...(delta === undefined ? {} : { downlink: delta }),
    ...(online && state.twin.shadow.isUsed
      ? { messages: deltaMessages(state.details.id, state.twin, pass.known.now) }
      : {}),
  })
  pass.hasCome ||= online
  return stored
}

/**
 * The end of a batch in which the device came online: unless it has gone again, it is sent the commands that wait and
 * those that it never confirmed, in the order of their creation. Once, however often it came: a hundred times a hundred
 * commands would be more than an object can store at once.
 */
export function sendWaiting(pass: Pass): void {
  const { commands, state } = pass.plan
  if (!pass.hasCome || state.presence.state !== 'online') return
  for (const command of commands.open())
    pass.happen(...commands.put(state.details.id, command, deviceCame(command, pass.known.now)))
}
