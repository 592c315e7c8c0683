import type { BridgeAck, BridgeAnswer, BridgeBatch, BridgeResult } from '@menagerie/contracts'
import { AppError, type Result } from '@menagerie/core'
import type { DeviceMessage, DeviceTwinError, Taken } from '@menagerie/durable-objects/device-twin'
import { toAppError } from '../twins.ts'
import { parseTopic } from './parse-topic.ts'
import { toDeviceMessage } from './payload.ts'
import type { Rejection } from './record-rejected.ts'

/** Asks a device's twin to take messages; see `DeviceTwinApi.take`. */
export type TakeMessages = (
  deviceId: string,
  messages: DeviceMessage[],
) => Promise<Result<Taken, DeviceTwinError>>

/** What became of a batch, and what is still to be recorded before it is answered. */
export interface TakenBatch extends BridgeAnswer {
  rejections: Rejection[]
  devices: number
}

/** The messages of one device, and where they stood in the batch. */
interface Group {
  deviceId: string
  indexes: number[]
  messages: DeviceMessage[]
}

/**
 * Hands every message to its device's twin: one call for each device, all of them at the same time, each in the order of
 * arrival. What no twin can take is rejected.
 *
 * @throws AppError when a twin cannot take messages now. Then nothing is acknowledged, and what other twins stored they
 *   know when it comes again
 */
export async function takeBatch(batch: BridgeBatch, take: TakeMessages): Promise<TakenBatch> {
  const results: BridgeResult[] = new Array(batch.messages.length)
  const acks: BridgeAck[] = []
  const rejections: Rejection[] = []
  const reject = (index: number, rejection: Omit<Rejection, 'message'>) => {
    const message = batch.messages[index]
    if (message === undefined) return
    const { code, detail } = rejection
    results[index] = { result: 'rejected', code, detail }
    rejections.push({ message, ...rejection })
  }

  const groups = new Map<string, Group>()
  for (const [index, message] of batch.messages.entries()) {
    const topic = parseTopic(message.topic)
    if (!topic.ok) {
      reject(index, { code: 'unknown_topic', ...topic.error })
      continue
    }
    const { deviceId, of } = topic.value
    const group = groups.get(deviceId) ?? { deviceId, indexes: [], messages: [] }
    groups.set(deviceId, group)
    group.indexes.push(index)
    group.messages.push(toDeviceMessage(message, of))
  }

  const takeGroup = async (group: Group): Promise<void> => {
    const { deviceId, indexes, messages } = group
    const taken = await take(deviceId, messages)
    if (taken.ok) {
      if (taken.value.ack !== undefined) acks.push(taken.value.ack)
      for (const [i, index] of indexes.entries()) {
        const result = taken.value.results[i]
        if (result !== undefined) results[index] = result
      }
      return
    }
    if (taken.error.code === 'not_found') {
      const detail = 'There is no such device'
      for (const index of indexes) reject(index, { deviceId, code: 'unknown_device', detail })
      return
    }
    if (!isLasting(taken.error)) throw toAppError(taken.error)
    // One message that its twin will never hold must not keep the others from it, nor come again for ever.
    if (messages.length > 1) return takeOneByOne(group)
    const detail = 'The device cannot hold the message'
    for (const index of indexes) reject(index, { deviceId, code: 'too_large', detail })
  }

  const takeOneByOne = async ({ deviceId, indexes, messages }: Group): Promise<void> => {
    for (const [i, message] of messages.entries())
      await takeGroup({ deviceId, indexes: indexes.slice(i, i + 1), messages: [message] })
  }

  // All of them have ended before the batch may come again: one that still runs could bring an older message after it.
  const ends = await Promise.allSettled([...groups.values()].map(takeGroup))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  for (let i = 0; i < results.length; i++)
    if (results[i] === undefined)
      throw new AppError('internal_error', 'Something went wrong', {
        cause: `no result for message ${i}`,
      })
  return { results, acks: newestOf(acks), rejections, devices: groups.size }
}

/** Refused for what it is: it would be refused again. */
const isLasting = (error: DeviceTwinError): boolean =>
  error.code === 'payload_too_large' || error.code === 'validation_failed'

/** The last acknowledgement of each device, which is the newest: a device's calls run one after the other. */
const newestOf = (acks: BridgeAck[]): BridgeAck[] => [
  ...new Map(acks.map((ack) => [ack.deviceId, ack])).values(),
]
