import { err, ok, type Result } from '@menagerie/core'
import type { TopicKind } from '@menagerie/durable-objects/device-twin'

/** What a topic of the native tree or the AWS-compatible one (contract §5) names. */
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
 * Reads `v1/devices/{d}/…` and `$aws/things/{d}/shadow/…` as a device sends them up. Whether there is such a device is its
 * twin's matter.
 *
 * @example
 * parseTopic('v1/devices/d1/telemetry/climate') // ok: { deviceId: 'd1', of: { kind: 'telemetry', stream: 'climate' } }
 */
export function parseTopic(topic: string): Result<DeviceTopic, UnknownTopic> {
  const [root, kind, deviceId = '', ...levels] = topic.split('/')
  const tree = trees[`${root}/${kind}`]
  if (tree === undefined || !name.test(deviceId))
    return err({
      deviceId: null,
      detail: 'The topic is not under v1/devices/{device} or $aws/things/{device}',
    })
  const of = tree(levels)
  return of === undefined
    ? err({ deviceId, detail: 'Devices send to no such topic, or not with that name in it' })
    : ok({ deviceId, of })
}

type Tree = (levels: readonly string[]) => TopicKind | undefined

const nativeTree: Tree = (levels) => {
  const [first, second = '', third] = levels
  if (levels.length === 1) return first === 'presence' ? { kind: 'presence' } : undefined
  if (levels.length === 3) return first === 'commands' ? answerTo(second, third) : undefined
  if (levels.length !== 2) return undefined
  if (first === 'twin') {
    if (second === 'reported') return { kind: 'reported' }
    return second === 'get' ? { kind: 'get' } : undefined
  }
  if (!name.test(second)) return undefined
  if (first === 'telemetry') return { kind: 'telemetry', stream: second }
  return first === 'events' ? { kind: 'event', name: second } : undefined
}

/** The classic shadow; named ones (`shadow/name/{name}/…`) there are none. */
const shadowTree: Tree = ([shadow, action, ...rest]) => {
  if (shadow !== 'shadow' || rest.length > 0) return undefined
  return action === 'get' || action === 'update' || action === 'delete'
    ? { kind: 'shadow', action }
    : undefined
}

const trees: Readonly<Record<string, Tree | undefined>> = {
  'v1/devices': nativeTree,
  '$aws/things': shadowTree,
}

const answerTo = (commandId: string, answer: string | undefined): TopicKind | undefined =>
  name.test(commandId) && (answer === 'ack' || answer === 'progress' || answer === 'result')
    ? { kind: 'answer', answer, commandId }
    : undefined
