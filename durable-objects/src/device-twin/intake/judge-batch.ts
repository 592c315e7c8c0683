import type { BridgeResult } from '@menagerie/contracts'
import { answerTwinGet } from '../document/answer-get.ts'
import { takeShadow } from '../shadow/take-shadow.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { ParsedMessage } from './parse-message.ts'
import { type BatchKnowledge, type BatchPlan, Pass, type ReadMessage, stored } from './pass.ts'
import { takeAnswer } from './take-answer.ts'
import { takeEvent } from './take-event.ts'
import { sendWaiting, takePresence } from './take-presence.ts'
import { takeReported } from './take-reported.ts'
import { takeTelemetry, unnumberedPlaces } from './take-telemetry.ts'

/** Decides on messages of one device, in the order of their arrival. Writes nothing. */
export function judgeBatch(batch: readonly ReadMessage[], known: BatchKnowledge): BatchPlan {
  const pass = new Pass(known)
  const { plan } = pass
  pass.places = new Set(known.knownPlaces(batch.flatMap((read) => unnumberedPlaces(pass, read))))
  for (const { message, parsed } of batch) plan.results.push(take(pass, message, parsed))
  sendWaiting(pass)
  pass.end()
  const [newest] = plan.numbers
  if (newest !== undefined && pass.numbered.some(({ epoch }) => epoch === newest.epoch))
    plan.ack = { epoch: newest.epoch, ackedThrough: newest.ackedThrough }
  return plan
}

function take(pass: Pass, message: DeviceMessage, parsed: ParsedMessage): BridgeResult {
  switch (parsed.kind) {
    case 'telemetry':
      return takeTelemetry(pass, message, parsed.samples)
    case 'event':
      return takeEvent(pass, message, parsed)
    case 'presence':
      return takePresence(pass, message, parsed.presence)
    case 'reported':
      return takeReported(pass, message, parsed)
    case 'get':
      pass.plan.answers.push(answerTwinGet(pass, message, parsed))
      return stored
    case 'shadow':
      return takeShadow(pass, message, parsed.request)
    case 'answer':
      return takeAnswer(pass, message, parsed)
    case 'nothing':
      return stored
    case 'rejected':
      return pass.reject(message, parsed)
  }
}
