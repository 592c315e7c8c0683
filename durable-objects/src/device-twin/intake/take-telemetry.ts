import type { BridgeResult } from '@menagerie/contracts'
import { judge } from '../rules/threshold.ts'
import { type NewSample, placeOf } from '../telemetry/telemetry-store.ts'
import type { DeviceMessage } from '../twin-types.ts'
import { isAfter, takeNumber } from './numbering.ts'
import type { ParsedSample } from './parse-message.ts'
import { cannotTake, duplicate, type Pass, type ReadMessage, stored } from './pass.ts'
import { sampleKey } from './sample-keys.ts'

/** Streams a device may have. */
export const MAX_STREAMS = 100

/** Takes the samples of one message, all or none, and judges them by the rules. */
export function takeTelemetry(
  pass: Pass,
  message: DeviceMessage,
  samples: readonly ParsedSample[],
): BridgeResult {
  if (message.of.kind !== 'telemetry') throw new Error('A sample comes on a stream')
  const { stream } = message.of
  const { known, plan } = pass
  const told = samples.map(({ number }) => number)
  const isNewStream = !pass.newStreams.has(stream) && !known.hasStream(stream)
  if (isNewStream && known.streamCount + pass.newStreams.size >= MAX_STREAMS)
    return pass.refuse(message, `A device has at most ${MAX_STREAMS} streams`, told)
  let numbers = plan.numbers
  const taken: NewSample[] = []
  const places = new Set<string>()
  for (const [index, sample] of samples.entries()) {
    const { values, number } = sample
    const text = JSON.stringify(values)
    const at = sample.time ?? pass.arrival(message)
    let key: string
    if (number !== undefined) {
      const next = takeNumber(numbers, number)
      if (next.outcome === 'forgotten_epoch')
        return pass.refuse(message, cannotTake.forgotten_epoch, told)
      // The device sends the message again: none of its numbers counts as taken until then.
      if (next.outcome === 'too_many_gaps') return pass.refuse(message, cannotTake.too_many_gaps)
      numbers = next.numbers
      pass.numbered.push(number)
      if (next.outcome === 'duplicate') continue
      key = `${number.epoch}.${number.seq}`
    } else {
      const own = sampleKey(message, sample, index, text)
      key = own ?? known.newKey()
      const place = placeOf({ stream, at, key })
      if (pass.places.has(place) || places.has(place)) continue
      if (own !== undefined) places.add(place)
    }
    taken.push({ stream, at, key, number, values, text })
  }
  plan.numbers = numbers
  if (taken.length === 0) return duplicate
  for (const place of places) pass.places.add(place)
  if (isNewStream) pass.newStreams.add(stream)
  for (const sample of taken) plan.samples.push(sample)
  judgeSamples(pass, stream, taken)
  return stored
}

function judgeSamples(pass: Pass, stream: string, samples: readonly NewSample[]): void {
  const { known, plan } = pass
  const { now } = known
  let newest = pass.newest.get(stream) ?? known.latestNumber(stream)
  for (const { at, number, values } of samples) {
    // A late sample is kept, but it says nothing of how things stand: a newer one has been judged.
    if (number !== undefined && newest !== undefined && isAfter(newest, number)) continue
    newest = number ?? newest
    const { rules, edges } = judge(plan.state.rules, stream, values, Math.min(at, now), now)
    pass.setRules(rules)
    for (const edge of edges) pass.crossed(edge)
  }
  if (newest !== undefined) pass.newest.set(stream, newest)
}

/** Where samples without a number would lie, where that can be told. */
export function unnumberedPlaces(pass: Pass, { message, parsed }: ReadMessage) {
  if (parsed.kind !== 'telemetry' || message.of.kind !== 'telemetry') return []
  const { stream } = message.of
  return parsed.samples.flatMap((sample, index) => {
    if (sample.number !== undefined) return []
    const key = sampleKey(message, sample, index, JSON.stringify(sample.values))
    return key === undefined ? [] : [{ stream, at: sample.time ?? pass.arrival(message), key }]
  })
}
