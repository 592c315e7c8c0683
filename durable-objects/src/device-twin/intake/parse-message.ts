import {
  MAX_PAYLOAD_BYTES,
  MAX_TELEMETRY_TEXT,
  MAX_TELEMETRY_VALUES,
  type RejectionCode,
  type TelemetryValues,
} from '@menagerie/contracts'
import type { JsonObject, JsonValue } from '@menagerie/core'
import type { CommandAnswer } from '../commands/command-state.ts'
import { emptyAck, parseAnswer } from '../commands/parse-answer.ts'
import { isObject, jsonBytes, jsonFault, unknownMember } from '../json-limits.ts'
import type { PresenceMessage } from '../presence/presence-rule.ts'
import { parseShadow, type ShadowRequest } from '../shadow/parse-shadow.ts'
import type { DeviceMessage } from '../twin-types.ts'
import type { DeviceNumber } from './numbering.ts'

/** Levels any payload may nest. */
export const MAX_PAYLOAD_DEPTH = 32
/** A journalled event holds 64 KiB with what stands around the data. */
const MAX_EVENT_DATA_BYTES = 60 * 1024
const MAX_AHEAD_OF_CLOCK_MS = 24 * 60 * 60 * 1000
const MAX_TOKEN_CHARACTERS = 128

/** One element of a telemetry message. */
export interface ParsedSample {
  values: TelemetryValues
  number: DeviceNumber | undefined
  /** The device's own time, milliseconds since the epoch. */
  time: number | undefined
}

/** What a message says once its payload was read. */
export type ParsedMessage =
  | { kind: 'telemetry'; samples: ParsedSample[] }
  | {
      kind: 'event'
      data: JsonValue
      number: DeviceNumber | undefined
      id: string | undefined
      time: number | undefined
    }
  | { kind: 'presence'; presence: PresenceMessage }
  | {
      kind: 'reported'
      state: JsonObject
      version: number | undefined
    }
  | { kind: 'get'; sinceVersion: number | undefined; clientToken: string | undefined }
  | { kind: 'shadow'; request: ShadowRequest }
  | { kind: 'answer'; commandId: string; answer: CommandAnswer }
  /** A cleared retained message. */
  | { kind: 'nothing' }
  | Rejected

export interface Rejected {
  kind: 'rejected'
  code: RejectionCode
  detail: string
  /** Numbers that could be read: they count as taken, or the device would wait for them for ever. */
  numbers: DeviceNumber[]
}

interface Fault {
  fault: RejectionCode
  detail: string
}

/**
 * Reads a message by the rules of its topic. Written by hand and not as a schema: it runs for every message of every
 * device.
 *
 * @param deviceId whose topic it came on; a payload that names another device is `wrong_device`
 * @param now milliseconds since the epoch; a time more than a day ahead of it is refused
 */
export function parseMessage(message: DeviceMessage, deviceId: string, now: number): ParsedMessage {
  const { of, payload, refused } = message
  if (of.kind === 'shadow') return { kind: 'shadow', request: parseShadow(message, of.action) }
  if (payload === null)
    return (refused?.bytes ?? 0) > MAX_PAYLOAD_BYTES
      ? reject(fault('too_large', `A payload has at most ${MAX_PAYLOAD_BYTES} bytes`))
      : reject(fault('malformed_json', 'The payload is not UTF-8'))
  if (payload === '' && of.kind === 'presence') return { kind: 'nothing' }
  if (payload === '' && of.kind === 'get')
    return { kind: 'get', sinceVersion: undefined, clientToken: undefined }
  if (payload === '' && of.kind === 'answer' && of.answer === 'ack')
    return { kind: 'answer', commandId: of.commandId, answer: emptyAck }
  let value: JsonValue
  try {
    value = JSON.parse(payload) as JsonValue
  } catch {
    return reject(fault('malformed_json', 'The payload is not JSON'))
  }
  if (of.kind === 'answer') {
    const { commandId } = of
    const answer = parseAnswer(of.answer, value, deviceId)
    if (answer.ok) return { kind: 'answer', commandId, answer: answer.value }
    return reject(fault(answer.error.code, answer.error.detail))
  }
  const parsed = parseValue(of.kind, value, deviceId, now)
  if ('kind' in parsed) return parsed
  // Only for what is refused anyway: telemetry that passes is two levels deep.
  const tooDeep = jsonFault(value, MAX_PAYLOAD_DEPTH) === 'too_deep'
  return reject(tooDeep ? nestsTooDeep : parsed, numbersOf(value))
}

const fault = (code: RejectionCode, detail: string): Fault => ({ fault: code, detail })

const reject = ({ fault: code, detail }: Fault, numbers: DeviceNumber[] = []): Rejected => ({
  kind: 'rejected',
  code,
  detail,
  numbers,
})

function parseValue(
  kind: Exclude<DeviceMessage['of']['kind'], 'answer' | 'shadow'>,
  value: JsonValue,
  deviceId: string,
  now: number,
): Exclude<ParsedMessage, Rejected> | Fault {
  if (kind === 'telemetry') {
    if (!Array.isArray(value)) {
      const sample = parseSample(value, deviceId, now)
      return 'fault' in sample ? sample : { kind, samples: [sample] }
    }
    if (value.length === 0) return invalid('must hold a sample')
    const samples: ParsedSample[] = []
    for (const element of value) {
      const sample = parseSample(element, deviceId, now)
      if ('fault' in sample) return sample
      samples.push(sample)
    }
    return { kind, samples }
  }
  if (!isObject(value)) return invalid('must be an object')
  const wrong = foreign(value, members[kind], deviceId)
  if (wrong !== undefined) return wrong
  switch (kind) {
    case 'event':
      return parseEvent(value, now)
    case 'presence':
      return parsePresence(value)
    case 'reported':
      return parseReported(value)
    case 'get':
      return parseGet(value)
  }
}

const members = {
  telemetry: new Set(['seq', 'epoch', 'time', 'values', 'deviceId']),
  event: new Set(['seq', 'epoch', 'id', 'time', 'data', 'deviceId']),
  presence: new Set(['state', 'session', 'time', 'deviceId']),
  reported: new Set(['state', 'version', 'clientToken', 'deviceId']),
  get: new Set(['sinceVersion', 'clientToken', 'deviceId']),
} as const satisfies Record<string, ReadonlySet<string>>

function parseSample(value: JsonValue, deviceId: string, now: number): ParsedSample | Fault {
  if (!isObject(value)) return invalid('must be an object, or an array of objects')
  const wrong = foreign(value, members.telemetry, deviceId)
  if (wrong !== undefined) return wrong
  const number = numberOf(value)
  if (number === 'invalid') return invalidNumber
  const time = timeOf(value, now)
  if (time === 'invalid') return invalidTime
  const { values } = value
  if (!isObject(values)) return invalid('values must be an object')
  const names = Object.keys(values)
  if (names.length === 0 || names.length > MAX_TELEMETRY_VALUES)
    return invalid(`values must have 1 to ${MAX_TELEMETRY_VALUES} names`)
  for (const name of names) {
    if (!isName(name)) return invalid('a name has 1 to 64 characters, and is not __proto__')
    if (!isTelemetryValue(values[name]))
      return invalid('a value is a number, a boolean or a text of at most 256 characters')
  }
  return { values: values as TelemetryValues, number, time }
}

const isName = (name: string): boolean =>
  name.length > 0 && name.length <= 64 && name !== '__proto__' && name.isWellFormed()

function isTelemetryValue(value: JsonValue | undefined): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value === 'string') return value.length <= MAX_TELEMETRY_TEXT && value.isWellFormed()
  return typeof value === 'boolean'
}

function parseEvent(value: JsonObject, now: number): Exclude<ParsedMessage, Rejected> | Fault {
  const { data, id } = value
  const number = numberOf(value)
  if (number === 'invalid') return invalidNumber
  const time = timeOf(value, now)
  if (time === 'invalid') return invalidTime
  if (id !== undefined && !isToken(id)) return invalid('id must be a text of 1 to 128 characters')
  if (data === undefined) return invalid('data is missing')
  const wrong = jsonFault(data, MAX_PAYLOAD_DEPTH - 1)
  if (wrong !== undefined) return wrong === 'too_deep' ? nestsTooDeep : notStorable
  if (jsonBytes(data) > MAX_EVENT_DATA_BYTES)
    return fault('too_large', `An event's data has at most ${MAX_EVENT_DATA_BYTES} bytes`)
  return { kind: 'event', data, number, id, time }
}

function parsePresence(value: JsonObject): Exclude<ParsedMessage, Rejected> | Fault {
  const { state, session } = value
  if (state !== 'online' && state !== 'offline') return invalid('state must be online or offline')
  if (session !== undefined && session !== null && !isToken(session))
    return invalid('session must be a text of 1 to 128 characters')
  // A last will's time is that of the connection, and a clock that is ahead must not hide a device.
  const time = value.time === undefined ? undefined : parseTime(value.time)
  if (time === 'invalid') return invalidTime
  return { kind: 'presence', presence: { state, session: session ?? null, time: time ?? null } }
}

function parseReported(value: JsonObject): Exclude<ParsedMessage, Rejected> | Fault {
  const { state, version, clientToken } = value
  if (!isObject(state)) return invalid('state must be an object')
  if (version !== undefined && !isCount(version))
    return invalid('version must be an integer from 0 on')
  if (clientToken !== undefined && !isToken(clientToken)) return invalidToken
  return { kind: 'reported', state, version }
}

function parseGet(value: JsonObject): Exclude<ParsedMessage, Rejected> | Fault {
  const { sinceVersion, clientToken } = value
  if (sinceVersion !== undefined && !isCount(sinceVersion))
    return invalid('sinceVersion must be an integer from 0 on')
  if (clientToken !== undefined && !isToken(clientToken)) return invalidToken
  return { kind: 'get', sinceVersion, clientToken }
}

const invalid = (detail: string): Fault => fault('invalid_payload', detail)
const nestsTooDeep = fault('too_deep', `A payload nests at most ${MAX_PAYLOAD_DEPTH} levels`)
const invalidNumber = invalid('seq must be an integer from 1 on, epoch an integer')
const invalidTime = invalid('time must be RFC 3339, from 1970 on and at most a day ahead')
const invalidToken = invalid('clientToken must be a text of 1 to 128 characters')
const notStorable = invalid('Names and values must be I-JSON, and no name __proto__')

const isCount = (value: JsonValue): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0

const isToken = (value: JsonValue): value is string =>
  typeof value === 'string' &&
  value.length > 0 &&
  value.length <= MAX_TOKEN_CHARACTERS &&
  value.isWellFormed()

/** A device is who its topic says (S109): what claims to be another is not taken, and no unknown member is. */
function foreign(
  value: JsonObject,
  known: ReadonlySet<string>,
  deviceId: string,
): Fault | undefined {
  for (const name in value) {
    if (!known.has(name)) return invalid(unknownMember(name, known))
    if (name === 'deviceId' && value[name] !== deviceId)
      return fault('wrong_device', 'deviceId is not the device of the topic')
  }
  return undefined
}

function numberOf({ seq, epoch }: JsonObject): DeviceNumber | undefined | 'invalid' {
  if (epoch !== undefined && !Number.isSafeInteger(epoch)) return 'invalid'
  if (seq === undefined) return undefined
  if (!Number.isSafeInteger(seq) || (seq as number) < 1) return 'invalid'
  return { epoch: (epoch as number | undefined) ?? 0, seq: seq as number }
}

/** Every number that can be read in a payload that is refused. */
function numbersOf(value: JsonValue): DeviceNumber[] {
  const numbers: DeviceNumber[] = []
  for (const element of Array.isArray(value) ? value : [value]) {
    const number = isObject(element) ? numberOf(element) : undefined
    if (number !== undefined && number !== 'invalid') numbers.push(number)
  }
  return numbers
}

function timeOf({ time }: JsonObject, now: number): number | undefined | 'invalid' {
  if (time === undefined) return undefined
  const at = parseTime(time)
  return at !== 'invalid' && at > now + MAX_AHEAD_OF_CLOCK_MS ? 'invalid' : at
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/

function parseTime(time: JsonValue): number | 'invalid' {
  if (typeof time !== 'string' || !rfc3339.test(time)) return 'invalid'
  const at = Date.parse(time)
  // Offsets may reach out of the four-digit years that every reader of the time takes.
  return at >= 0 ? at : 'invalid'
}
