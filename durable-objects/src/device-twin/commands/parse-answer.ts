import { type CommandError, MAX_COMMAND_BYTES, type RejectionCode } from '@menagerie/contracts'
import { err, type JsonObject, type JsonValue, ok, type Result } from '@menagerie/core'
import { isObject, jsonBytes, jsonFault, unknownMember } from '../json-limits.ts'
import type { CommandAnswer } from './command-state.ts'

/** Levels that a payload, progress or result may nest. */
export const MAX_COMMAND_DEPTH = 8
const MAX_CODE_CHARACTERS = 128
const MAX_MESSAGE_CHARACTERS = 1024

export interface AnswerFault {
  code: RejectionCode
  detail: string
}

const members = new Set(['status', 'result', 'error', 'time', 'clientToken', 'deviceId'])

/**
 * Reads what a device says to a command on `…/{ack,progress,result}`. An `ack` refuses with status `rejected` and confirms
 * with any other; progress is kept as it is told; a result's status is `succeeded` or `failed`.
 */
export function parseAnswer(
  type: CommandAnswer['type'],
  value: JsonValue,
  deviceId: string,
): Result<CommandAnswer, AnswerFault> {
  if (isObject(value) && value.deviceId !== undefined && value.deviceId !== deviceId)
    return err({ code: 'wrong_device', detail: 'deviceId is not the device of the topic' })
  if (type === 'progress') {
    const wrong = faultOf(value)
    return wrong === undefined ? ok({ type, progress: value }) : err(wrong)
  }
  if (!isObject(value)) return invalid('must be an object')
  const unknown = Object.keys(value).find((name) => !members.has(name))
  if (unknown !== undefined) return invalid(unknownMember(unknown, members))
  const { status } = value
  const error = errorOf(value, type === 'ack' ? 'rejected' : 'failed')
  if (error === undefined)
    return invalid('error must be a text, or {code, message} of at most 128 and 1,024 characters')
  if (type === 'ack') {
    if (status !== undefined && typeof status !== 'string') return invalid('status must be a text')
    return ok({ type, refused: status === 'rejected' ? error : null })
  }
  if (status !== 'succeeded' && status !== 'failed')
    return invalid('status must be succeeded or failed')
  const { result = null } = value
  const wrong = faultOf(result)
  if (wrong !== undefined) return err(wrong)
  return ok({ type, result, failed: status === 'failed' ? error : null })
}

/** An empty `ack` confirms. */
export const emptyAck: CommandAnswer = { type: 'ack', refused: null }

/** What keeps a value from being kept, in the words of a rejection. */
function faultOf(value: JsonValue): AnswerFault | undefined {
  switch (jsonFault(value, MAX_COMMAND_DEPTH)) {
    case 'too_deep':
      return { code: 'too_deep', detail: `An answer nests at most ${MAX_COMMAND_DEPTH} levels` }
    case 'not_storable':
      return {
        code: 'invalid_payload',
        detail: 'Names and values must be I-JSON, and no name __proto__',
      }
    case undefined:
      return jsonBytes(value) > MAX_COMMAND_BYTES
        ? { code: 'too_large', detail: `An answer has at most ${MAX_COMMAND_BYTES} bytes` }
        : undefined
  }
}

/** Why the device did not do it; `undefined` for what is no error. */
function errorOf({ error }: JsonObject, code: string): CommandError | undefined {
  if (error === undefined || error === null) return { code, message: null }
  if (typeof error === 'string') return isText(error) ? { code, message: error } : undefined
  if (!isObject(error)) return undefined
  const told = { code: error.code ?? code, message: error.message ?? null }
  if (typeof told.code !== 'string' || !isText(told.code, MAX_CODE_CHARACTERS)) return undefined
  if (told.code === '') return undefined
  if (told.message !== null && (typeof told.message !== 'string' || !isText(told.message)))
    return undefined
  return { code: told.code, message: told.message }
}

const isText = (text: string, limit = MAX_MESSAGE_CHARACTERS): boolean =>
  text.length <= limit && text.isWellFormed()

const invalid = (detail: string) => err({ code: 'invalid_payload', detail } as const)
