import { MAX_PAYLOAD_BYTES, MAX_TWIN_SECTION_BYTES } from '@menagerie/contracts'
import type { JsonObject, JsonValue } from '@menagerie/core'
import { patchFault, type SectionName, sectionNames } from '../document/twin-document.ts'
import { isObject, jsonBytes } from '../json-limits.ts'
import type { DeviceMessage } from '../twin-types.ts'
import { shadowFaults as faults, type ShadowFault } from './shadow-fault.ts'
import type { ShadowAction } from './shadow-messages.ts'

const MAX_TOKEN_BYTES = 64

type Sections = Partial<Record<SectionName, JsonObject | null>>

/** What a message on `$aws/things/{d}/shadow/…` asks for; one that cannot be done is answered as well. */
export type ShadowRequest = { clientToken: string | undefined } & (
  | { action: 'get' | 'delete' }
  | {
      action: 'update'
      /** A section that is `null` is emptied. */
      patches: Sections
      /** The request's `state`, which its answer repeats. */
      asked: JsonObject
      version: number | undefined
    }
  | { action: 'refused'; of: ShadowAction; fault: ShadowFault }
)

/**
 * Reads a request of the AWS-compatible tree ("Device Shadow service documents"). Members beside `state`, `version` and
 * `clientToken` are passed over, as AWS does; nothing in a payload says whose shadow it is about.
 */
export function parseShadow(
  { payload, refused }: Pick<DeviceMessage, 'payload' | 'refused'>,
  action: ShadowAction,
): ShadowRequest {
  const refuse = (fault: ShadowFault, clientToken?: string): ShadowRequest => ({
    action: 'refused',
    of: action,
    fault,
    clientToken,
  })
  if (payload === null)
    return refuse((refused?.bytes ?? 0) > MAX_PAYLOAD_BYTES ? faults.tooLarge : faults.encoding)
  if (payload === '' && action !== 'update') return { action, clientToken: undefined }
  const value = parseJson(payload)
  if (!isObject(value)) return refuse(faults.invalidJson)
  const { clientToken, version } = value
  if (clientToken !== undefined && !isClientToken(clientToken)) return refuse(faults.invalidToken)
  if (action !== 'update') return { action, clientToken }
  if (version !== undefined && !isVersion(version))
    return refuse(faults.invalidVersion, clientToken)
  const { state } = value
  if (state === undefined) return refuse(faults.missingState, clientToken)
  if (!isObject(state)) return refuse(faults.stateNoObject, clientToken)
  const fault = stateFault(state)
  if (fault !== undefined) return refuse(fault, clientToken)
  return { action, patches: state as Sections, asked: state, version, clientToken }
}

/** `undefined` for what is not JSON. */
function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return undefined
  }
}

const isClientToken = (value: JsonValue): value is string =>
  typeof value === 'string' &&
  value !== '' &&
  value.isWellFormed() &&
  Buffer.byteLength(value) <= MAX_TOKEN_BYTES

const isVersion = (value: JsonValue): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

function stateFault(state: JsonObject): ShadowFault | undefined {
  for (const name of Object.keys(state)) {
    if (name !== 'desired' && name !== 'reported') return faults.invalidNode
  }
  for (const name of sectionNames) {
    const section = state[name]
    if (section === undefined || section === null) continue
    if (!isObject(section))
      return name === 'desired' ? faults.desiredNoObject : faults.reportedNoObject
    const fault = patchFault(section)
    if (fault !== undefined) return fault.code === 'too_deep' ? faults.tooDeep : faults.invalidNode
    if (jsonBytes(section) > MAX_TWIN_SECTION_BYTES) return faults.tooLarge
  }
  return undefined
}
