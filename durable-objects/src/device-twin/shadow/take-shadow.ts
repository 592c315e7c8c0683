import type { BridgeResult, Downlink } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import { changeTwin } from '../document/change.ts'
import { clearing } from '../document/merge-patch.ts'
import { patchTwin, type SectionName, type TwinDocument } from '../document/twin-document.ts'
import { duplicate, type Pass, stored } from '../intake/pass.ts'
import { arrivalKey } from '../intake/sample-keys.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { ShadowRequest } from './parse-shadow.ts'
import { echoOf, hasShadow, wholeShadow } from './shadow-document.ts'
import { noShadow, type ShadowFault, shadowFaults } from './shadow-fault.ts'
import {
  type Correlation,
  deltaMessages,
  rejectedMessage,
  type ShadowAction,
  shadowMessage,
} from './shadow-messages.ts'

/**
 * Takes a request of the AWS-compatible tree. Every one is answered, by messages that are stored with what it changed,
 * and a refusal is an answer too: nothing here goes to the dead letters.
 */
export function takeShadow(
  pass: Pass,
  message: DeviceMessage,
  request: ShadowRequest,
): BridgeResult {
  // The bridge's repeat of a batch: what it asked was done, and the answer is stored.
  if (pass.repeats(arrivalKey(message, `${message.topic} ${message.payload}`))) return duplicate
  useShadow(pass)
  const correlation = { clientToken: request.clientToken }
  switch (request.action) {
    case 'get':
      return getShadow(pass, correlation)
    case 'delete':
      return deleteShadow(pass, correlation)
    case 'update':
      return updateShadow(pass, request, correlation)
    case 'refused':
      return refuse(pass, request.of, request.fault, correlation)
  }
}

/** From now on the device is told there as well. */
function useShadow({ plan }: Pass): void {
  const { twin } = plan.state
  if (twin.shadow.isUsed) return
  plan.state = { ...plan.state, twin: { ...twin, shadow: { ...twin.shadow, isUsed: true } } }
}

function getShadow(pass: Pass, correlation: Correlation): BridgeResult {
  const { id, twin } = known(pass)
  if (!hasShadow(twin)) return refuse(pass, 'get', noShadow(id), correlation)
  return accept(pass, 'get', wholeShadow(twin), correlation)
}

function updateShadow(
  pass: Pass,
  { patches, asked, version }: Extract<ShadowRequest, { action: 'update' }>,
  correlation: Correlation,
): BridgeResult {
  const { id, twin } = known(pass)
  const { now } = pass.known
  const resolved: Partial<Record<SectionName, JsonObject>> = {}
  for (const [name, patch] of Object.entries(patches) as [SectionName, JsonObject | null][])
    resolved[name] = patch ?? clearing(twin[name])
  const patched = patchTwin(twin, resolved, toTimestamp(now))
  if (!patched.ok) return refuse(pass, 'update', faultOf(patched.error.code), correlation)
  // An update begins a shadow, even one that has nothing in it.
  const begins = patched.value === twin && !hasShadow(twin)
  const after = begins ? { ...twin, version: twin.version + 1 } : patched.value
  if (!mayFollow(version, twin, after !== twin))
    return refuse(pass, 'update', shadowFaults.conflict, correlation)
  accept(pass, 'update', echoOf(after, asked), correlation)
  if (after === twin) pass.reply(...deltaMessages(id, twin, now, correlation))
  else change(pass, after, correlation)
  return stored
}

/**
 * Whether an update may be made from the version it names. A device whose answer got lost asks again with the version it
 * knew: when nothing changes by it, and the step it made is still the last, it is told what it was told before.
 */
const mayFollow = (version: number | undefined, { version: at }: TwinDocument, changes: boolean) =>
  version === undefined || version === at || (!changes && version + 1 === at)

/** Both sections are emptied in a step of the version, which never starts again. */
function deleteShadow(pass: Pass, correlation: Correlation): BridgeResult {
  const { id, twin } = known(pass)
  if (!hasShadow(twin)) return refuse(pass, 'delete', noShadow(id), correlation)
  const version = twin.version + 1
  const after: TwinDocument = {
    desired: emptied(twin.desired),
    reported: emptied(twin.reported),
    metadata: { desired: {}, reported: {} },
    version,
    shadow: { ...twin.shadow, deletedVersion: version },
  }
  accept(pass, 'delete', { version }, correlation)
  change(pass, after, correlation)
  return stored
}

/** The same section where there is nothing in it: it is not changed. */
const emptied = (section: JsonObject): JsonObject =>
  Object.keys(section).length === 0 ? section : {}

function change(pass: Pass, after: TwinDocument, correlation: Correlation): void {
  const { now } = pass.known
  pass.step(changeTwin(pass.plan.state, after, { actor: 'device', now }, correlation))
}

const known = ({ plan }: Pass) => ({ id: plan.state.details.id, twin: plan.state.twin })

const faultOf = (code: 'too_large' | 'too_deep' | 'not_storable'): ShadowFault => {
  if (code === 'too_large') return shadowFaults.tooLarge
  return code === 'too_deep' ? shadowFaults.tooDeep : shadowFaults.invalidNode
}

function accept(
  pass: Pass,
  action: ShadowAction,
  payload: JsonObject,
  correlation: Correlation,
): BridgeResult {
  const { id } = known(pass)
  return answer(pass, shadowMessage(id, `${action}/accepted`, payload, pass.known.now, correlation))
}

function refuse(
  pass: Pass,
  action: ShadowAction,
  fault: ShadowFault,
  correlation: Correlation,
): BridgeResult {
  const { id } = known(pass)
  return answer(pass, rejectedMessage(id, action, fault, pass.known.now, correlation))
}

function answer(pass: Pass, message: Omit<Downlink, 'id'>): BridgeResult {
  pass.reply(message)
  return stored
}
