import { BridgeBatch, MAX_BRIDGE_MESSAGES } from '@menagerie/contracts'
import { AppError, fieldErrors } from '@menagerie/core'

/**
 * A batch as the contract writes it. The whole of it is refused for one bad message: that is a mistake of the bridge,
 * which must not lose a message by it; what devices send wrongly stands inside the payloads.
 *
 * @param value JSON of any shape
 * @throws AppError `validation_failed`
 */
export function readBatch(value: unknown): BridgeBatch {
  if (isPlainBatch(value)) return value
  const parsed = BridgeBatch.safeParse(value)
  if (parsed.success) return parsed.data
  throw new AppError('validation_failed', 'The batch is not as the contract writes it', {
    errors: fieldErrors(parsed.error.issues, 'json').slice(0, 50),
  })
}

const link = /^[A-Za-z0-9_-]{1,64}$/
const timestamp =
  /^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}(?:\d{3})?Z$/

/**
 * Whether a batch is of the common form, at a small part of what the schema costs: every message of every device comes
 * this way. It says yes to nothing that the schema refuses; to what it does not know it says no, and the schema decides.
 */
export function isPlainBatch(value: unknown): value is BridgeBatch {
  if (!isObject(value)) return false
  for (const member in value) if (member !== 'link' && member !== 'messages') return false
  const { messages } = value
  if (typeof value.link !== 'string' || !link.test(value.link)) return false
  if (!Array.isArray(messages) || messages.length === 0) return false
  return messages.length <= MAX_BRIDGE_MESSAGES && messages.every(isPlainMessage)
}

function isPlainMessage(value: unknown): boolean {
  if (!isObject(value)) return false
  // Counted, not looked up by name: a member that none of the checks below has seen makes the number wrong.
  let known = 4
  if ('dup' in value && ++known && typeof value.dup !== 'boolean') return false
  if ('retain' in value && ++known && typeof value.retain !== 'boolean') return false
  if ('responseTopic' in value && ++known && !isShort(value.responseTopic)) return false
  if ('correlationData' in value && ++known && !isShort(value.correlationData)) return false
  return (
    Object.keys(value).length === known &&
    typeof value.topic === 'string' &&
    value.topic.length > 0 &&
    value.topic.length <= 1024 &&
    typeof value.payload === 'string' &&
    (value.qos === 0 || value.qos === 1) &&
    typeof value.receivedAt === 'string' &&
    timestamp.test(value.receivedAt) &&
    isDay(value.receivedAt)
  )
}

const isShort = (value: unknown): boolean => typeof value === 'string' && value.length <= 1024

/** Every month has 28 days; what is later is written back to see whether its month has it. */
const isDay = (text: string): boolean =>
  text.slice(8, 10) <= '28' || new Date(text).toISOString().startsWith(text.slice(0, 10))

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
