import type { BridgeResult } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import { changeTwin } from '../document/change.ts'
import { patchSection } from '../document/twin-document.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { ParsedMessage } from './parse-message.ts'
import { duplicate, type Pass, stored } from './pass.ts'
import { arrivalKey } from './sample-keys.ts'

/** A device tells what it is. */
export function takeReported(
  pass: Pass,
  message: DeviceMessage,
  { state: patch, version }: Extract<ParsedMessage, { kind: 'reported' }>,
): BridgeResult {
  // A repeat must not undo what came after it.
  if (pass.repeats(arrivalKey(message, `${message.topic} ${message.payload}`))) return duplicate
  const { state } = pass.plan
  const { now } = pass.known
  const patched = patchSection(state.twin, 'reported', patch, toTimestamp(now))
  if (!patched.ok) {
    const { code, detail } = patched.error
    return pass.reject(message, {
      code: code === 'not_storable' ? 'invalid_payload' : code,
      detail,
      numbers: [],
    })
  }
  // Before the version: what was taken and is brought again is no conflict.
  if (patched.value === state.twin) return stored
  if (version !== undefined && version !== state.twin.version)
    return pass.refuse(message, `The version is ${state.twin.version}`)
  pass.step(changeTwin(state, patched.value, { actor: 'device', now }))
  return stored
}
