import type { BridgeAck, BridgeAnswer, BridgeBatch, BridgeResult } from '@menagerie/contracts'
import type { Result } from '@menagerie/core'
import type { Held, HoldError } from '@menagerie/durable-objects/bridge-link'
import type { DeviceMessage, DeviceTwinError, Taken } from '@menagerie/durable-objects/device-twin'
import { parseTopic } from './parse-topic.ts'
import { toDeviceMessage } from './payload.ts'
import type { Rejection } from './record-rejected.ts'

/** Asks a device's twin to take messages; see `DeviceTwinApi.take`. */
export type TakeMessages = (
  deviceId: string,
  messages: DeviceMessage[],
) => Promise<Result<Taken, DeviceTwinError>>

/** Asks the link to keep messages of a device until its twin takes them; see `BridgeLinkApi.hold`. */
export type HoldMessages = (
  deviceId: string,
  messages: DeviceMessage[],
) => Promise<Result<Held, HoldError>>

/** What became of a batch, and what is still to be recorded before it is answered. */
export interface TakenBatch extends BridgeAnswer {
  rejections: Rejection[]
  /** Devices whose messages are to come again, and why. */
  failing: { deviceId: string; reason: string }[]
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
 * arrival. What no twin can take is rejected. What a twin cannot take now is to come again, with all that follows it of
 * that device; of the devices that the batch names in `hold` the link keeps it instead. A twin that fails harms no other
 * device.
 */
export async function takeBatch(
  batch: BridgeBatch,
  take: TakeMessages,
  hold: HoldMessages,
): Promise<TakenBatch> {
  const results: BridgeResult[] = new Array(batch.messages.length)
  const acks: BridgeAck[] = []
  const rejections: Rejection[] = []
  const failing: TakenBatch['failing'] = []
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

  /** False when the twin cannot take messages now. */
  const takeGroup = async (group: Group): Promise<boolean> => {
    const { deviceId, indexes, messages } = group
    const taken = await take(deviceId, messages)
    if (taken.ok) {
      if (taken.value.results.length !== messages.length) {
        comesAgain(group, 'the twin has not answered for each message')
        return false
      }
      if (taken.value.ack !== undefined) acks.push(taken.value.ack)
      for (const [i, result] of taken.value.results.entries()) results[indexes[i] ?? 0] = result
      return true
    }
    if (taken.error.code === 'not_found') {
      isUnknown(group)
      return true
    }
    if (!isLasting(taken.error)) {
      comesAgain(group, taken.error.code)
      return false
    }
    // One message that its twin will never hold must not keep the others from it, nor come again for ever.
    if (messages.length > 1) return takeOneByOne(group)
    const detail = 'The device cannot hold the message'
    for (const index of indexes) reject(index, { deviceId, code: 'too_large', detail })
    return true
  }

  const takeOneByOne = async ({ deviceId, indexes, messages }: Group): Promise<boolean> => {
    for (let i = 0; i < messages.length; i++) {
      const one = { deviceId, indexes: indexes.slice(i, i + 1), messages: messages.slice(i, i + 1) }
      if (await takeGroup(one)) continue
      // What follows must not overtake it.
      comesAgain({ deviceId, indexes: indexes.slice(i + 1), messages: [] })
      return false
    }
    return true
  }

  const holdGroup = async (group: Group): Promise<void> => {
    const held = await hold(group.deviceId, group.messages)
    if (!held.ok)
      return held.error.code === 'not_found' ? isUnknown(group) : comesAgain(group, held.error.code)
    const { isTaken, ack } = held.value
    if (ack !== undefined) acks.push(ack)
    for (const index of group.indexes) results[index] = { result: isTaken ? 'stored' : 'held' }
  }

  const isUnknown = ({ deviceId, indexes }: Group) => {
    const detail = 'There is no such device'
    for (const index of indexes) reject(index, { deviceId, code: 'unknown_device', detail })
  }

  const comesAgain = ({ deviceId, indexes }: Group, reason?: string) => {
    for (const index of indexes) results[index] = { result: 'retry' }
    if (reason !== undefined) failing.push({ deviceId, reason })
  }

  const isHeld = new Set(batch.hold)
  // All of them have ended before the batch may come again: one that still runs could bring an older message after it.
  const all = [...groups.values()].map(async (group) => {
    try {
      await (isHeld.has(group.deviceId) ? holdGroup(group) : takeGroup(group))
    } catch (error) {
      comesAgain(group, error instanceof Error ? error.message : String(error))
    }
  })
  await Promise.all(all)
  return { results, acks: newestOf(acks), rejections, failing, devices: groups.size }
}

/** Refused for what it is: it would be refused again. */
const isLasting = (error: DeviceTwinError): boolean =>
  error.code === 'payload_too_large' || error.code === 'validation_failed'

/** The last acknowledgement of each device, which is the newest: a device's calls run one after the other. */
const newestOf = (acks: BridgeAck[]): BridgeAck[] => [
  ...new Map(acks.map((ack) => [ack.deviceId, ack])).values(),
]
