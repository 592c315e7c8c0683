import { err, ok, type Result } from '@menagerie/core'
import type { TopicKind } from '@menagerie/durable-objects/device-twin'

/** What a topic of the native tree (contract §5) names. */
export interface DeviceTopic {
  deviceId: string
  of: TopicKind
}

/** Why a topic is none a device may send to; the device it names, where it names one. */
export interface UnknownTopic {
  deviceId: string | null
  detail: string
}

const name = /^[A-Za-z0-9_-]{1,64}$/

/**
 * Reads `v1/devices/{d}/…` as a device sends it up. Whether there is such a device is its twin's matter.
 *
 * @example
 * parseTopic('v1/devices/d1/telemetry/climate') // ok: { deviceId: 'd1', of: { kind: 'telemetry', stream: 'climate' } }
 */
export function parseTopic(topic: string): Result<DeviceTopic, UnknownTopic> {
  const [version, devices, deviceId = '', first, second, ...rest] = topic.split('/')
  if (version !== 'v1' || devices !== 'devices' || !name.test(deviceId))
    return err({ deviceId: null, detail: 'The topic is not under v1/devices/{device}' })
  const of = rest.length === 0 ? kindOf(first, second) : undefined
  return of === undefined
    ? err({ deviceId, detail: 'Devices send to no such topic, or not with that name in it' })
    : ok({ deviceId, of })
}

function kindOf(first: string | undefined, second: string | undefined): TopicKind | undefined {
  if (second === undefined) return first === 'presence' ? { kind: 'presence' } : undefined
  if (first === 'twin') {
    if (second === 'reported') return { kind: 'reported' }
    return second === 'get' ? { kind: 'get' } : undefined
  }
  if (!name.test(second)) return undefined
  if (first === 'telemetry') return { kind: 'telemetry', stream: second }
  return first === 'events' ? { kind: 'event', name: second } : undefined
}
