import type { Command, CommandError, CommandState, Downlink } from '@menagerie/contracts'
import { type JsonObject, toTimestamp } from '@menagerie/core'
import type { Happening } from '../device-state.ts'
import { type CommandRecord, dueAt } from './command-state.ts'

const timeOrNull = (at: number | null): string | null => (at === null ? null : toTimestamp(at))

/** A command as it is shown. */
export const toCommand = (deviceId: string, command: CommandRecord): Command => ({
  ...command,
  deviceId,
  createdAt: toTimestamp(command.createdAt),
  expiresAt: toTimestamp(command.expiresAt),
  sentAt: timeOrNull(command.sentAt),
  deliveredAt: timeOrNull(command.deliveredAt),
  finishedAt: timeOrNull(command.finishedAt),
})

/** A change of a command as it is journalled, with the message to the device where it was handed over. */
export function commandHappening(
  deviceId: string,
  before: CommandRecord | undefined,
  command: CommandRecord,
): Happening {
  const { id, name, state, attempts, progress, result, error, createdAt, sentAt, finishedAt } =
    command
  const data = {
    commandId: id,
    name,
    state,
    previousState: before?.state ?? null,
    attempts,
    ...(progress === null ? {} : { progress }),
    ...(result === null ? {} : { result }),
    ...(error === null ? {} : { error }),
    createdAt: toTimestamp(createdAt),
    sentAt: timeOrNull(sentAt),
    finishedAt: timeOrNull(finishedAt),
  } as JsonObject
  const isHanded = attempts > (before?.attempts ?? 0)
  return {
    type: 'command.status',
    data,
    ...(isHanded ? { messages: [commandDownlink(deviceId, command)] } : {}),
  }
}

/**
 * A command on its way to the device: good until nobody waits for its result any more. The topic alone leads an answer
 * back; MQTT 5 devices are told it as the response topic. With QoS 0 neither link, bridge nor broker sends it twice.
 */
function commandDownlink(deviceId: string, command: CommandRecord): Omit<Downlink, 'id'> {
  const { id, name, payload, atMostOnce } = command
  const topic = `v1/devices/${deviceId}/commands/${id}`
  const expiresAt = toTimestamp(dueAt(command) ?? command.expiresAt)
  return {
    topic,
    payload: { name, payload, expiresAt },
    qos: atMostOnce ? 0 : 1,
    retain: false,
    responseTopic: `${topic}/result`,
    correlationData: Buffer.from(id).toString('base64'),
    expiresAt,
  }
}

/** What `device.command.finished.v1` says of a command's last event, the device left out; `undefined` before its end. */
export function finishedData(data: JsonObject) {
  const { commandId, name, state, error, createdAt, sentAt, finishedAt } = data as unknown as Told
  if (finishedAt === null) return undefined
  return { commandId, name, state, error: error ?? null, createdAt, sentAt, finishedAt }
}

/** The data of `command.status`. */
interface Told {
  commandId: string
  name: string
  state: CommandState
  error?: CommandError
  createdAt: string
  sentAt: string | null
  finishedAt: string | null
}
