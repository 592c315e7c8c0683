import type { Downlink } from '@menagerie/contracts'
import { toTimestamp } from '@menagerie/core'
import type { Pass } from '../intake/pass.ts'
import type { DeviceMessage } from '../twin-types.ts'
import { isAnswerTopic } from './answer-topic.ts'
import type { ChangeRow } from './change.ts'
import { statePayload, type TwinQuestion } from './downlinks.ts'
import { replayOf } from './replay.ts'

/** The answer to `…/twin/get`, where the device wants it. */
export function answerTwinGet(
  pass: Pass,
  { responseTopic, correlationData }: DeviceMessage,
  asked: TwinQuestion,
): Omit<Downlink, 'id'> {
  const { details, twin } = pass.plan.state
  const rows = asked.sinceVersion === undefined ? undefined : changesAfter(pass, asked.sinceVersion)
  const isWanted = responseTopic !== undefined && isAnswerTopic(responseTopic, details.id)
  return {
    topic: isWanted ? responseTopic : `v1/devices/${details.id}/twin/state`,
    payload: statePayload(twin, asked, rows && replayOf(rows), toTimestamp(pass.known.now)),
    qos: 1,
    retain: false,
    ...(correlationData === undefined ? {} : { correlationData }),
  }
}

/** What was stored after a version, and what this batch has changed; `undefined` for a version that is not known. */
function changesAfter({ known, plan }: Pass, version: number): ChangeRow[] | undefined {
  if (version > plan.state.twin.version) return undefined
  const stored = version >= known.state.twin.version ? [] : known.changesSince(version)
  return stored && [...stored, ...plan.changes.filter((row) => row.version > version)]
}
