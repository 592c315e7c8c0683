import { type BridgeMessage, MAX_PAYLOAD_BYTES } from '@menagerie/contracts'
import type { DeviceMessage, TopicKind } from '@menagerie/durable-objects/device-twin'

type Refused = NonNullable<DeviceMessage['refused']>

const BEGINNING_BYTES = 4 * 1024
/** As many characters of base64 as the beginning has bytes, in whole groups of four. */
const BEGINNING_BASE64 = Math.ceil(BEGINNING_BYTES / 3) * 4
const encoder = new TextEncoder()
const scratch = new Uint8Array(BEGINNING_BYTES)

/** A message as its device's twin takes it: with its payload, or with what is left of one that is not taken. */
export function toDeviceMessage(message: BridgeMessage, of: TopicKind): DeviceMessage {
  const { topic, qos, receivedAt, responseTopic, correlationData } = message
  const told = {
    topic,
    of,
    qos,
    receivedAt,
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
  }
  if (isTaken(message)) return { ...told, payload: message.payload ?? '' }
  return { ...told, payload: null, refused: leftOf(message) }
}

/** UTF-8 that is there as a whole and not too long. Most payloads need no look at their bytes to say so. */
function isTaken({ payload, payloadBase64, truncatedBytes }: BridgeMessage): boolean {
  if (truncatedBytes !== undefined || payloadBase64 !== undefined) return false
  if (payload === undefined || payload.length * 3 <= MAX_PAYLOAD_BYTES) return true
  return bytesOf(payload) <= MAX_PAYLOAD_BYTES
}

/** The beginning of a payload, at most 4 KiB, and its length: what is recorded of one that nobody can use. */
export function leftOf({ payload, payloadBase64, truncatedBytes }: BridgeMessage): Refused {
  if (payload === undefined && payloadBase64 !== undefined)
    return {
      beginning: payloadBase64.slice(0, BEGINNING_BASE64),
      encoding: 'base64',
      bytes: truncatedBytes ?? Math.floor((payloadBase64.replace(/=+$/, '').length * 3) / 4),
    }
  const text = payload ?? ''
  return {
    // Whole characters as far as the bytes reach.
    beginning: text.slice(0, encoder.encodeInto(text, scratch).read),
    encoding: 'utf-8',
    bytes: truncatedBytes ?? bytesOf(text),
  }
}

const bytesOf = (text: string): number => encoder.encode(text).byteLength
