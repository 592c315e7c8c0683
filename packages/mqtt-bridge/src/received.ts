import { isUtf8 } from 'node:buffer'
import { type BridgeMessage, MAX_PAYLOAD_BYTES } from '@menagerie/contracts'

/** Of a payload too large to be sent on. */
const BEGINNING_BYTES = 4 * 1024
/** Of a topic; no topic of the contract is longer, so the edge rejects what was cut. */
const MAX_TOPIC_LENGTH = 1024
/** Of a response topic, and of correlation data in base64. */
const MAX_PROPERTY = 1024

/** What the bridge reads of a PUBLISH packet. */
export interface PublishPacket {
  topic: string
  payload: string | Buffer
  qos: 0 | 1 | 2
  messageId?: number | undefined
  dup: boolean
  retain: boolean
  /** Of MQTT 5. */
  properties?:
    | { responseTopic?: string | undefined; correlationData?: Buffer | undefined }
    | undefined
}

/** A message between its arrival from the broker and its acknowledgement. */
export interface Received {
  /** Whose order must be kept: the topic's device, else the whole topic. */
  device: string
  /** A `BridgeMessage` as JSON, made once however often it is sent. */
  json: string
  /** Bytes of `json`. */
  bytes: number
  qos: 0 | 1
  /** The broker's packet identifier; 0 with QoS 0. */
  messageId: number
  /** The broker connection that it came by. */
  generation: number
  /** Milliseconds of the clock that the window is used with. */
  arrivedAt: number
  state: 'waiting' | 'posting' | 'settled' | 'gone'
}

/**
 * @param now milliseconds since the epoch
 * @param receivedAt the same as RFC 3339, told by no other message
 */
export function toReceived(
  packet: PublishPacket,
  generation: number,
  now: number,
  receivedAt: string,
): Received {
  const json = JSON.stringify(toBridgeMessage(packet, receivedAt))
  return {
    device: deviceOf(packet.topic),
    json,
    bytes: Buffer.byteLength(json),
    qos: packet.qos === 0 ? 0 : 1,
    messageId: packet.messageId ?? 0,
    generation,
    arrivedAt: now,
    state: 'waiting',
  }
}

/** A payload that is no UTF-8 goes as base64, of one that is too large only the beginning. */
export function toBridgeMessage(packet: PublishPacket, receivedAt: string): BridgeMessage {
  const { topic, qos, dup, retain } = packet
  const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
  const message: BridgeMessage = {
    topic:
      topic.length > MAX_TOPIC_LENGTH ? topic.slice(0, MAX_TOPIC_LENGTH).toWellFormed() : topic,
    ...content(payload),
    qos: qos === 0 ? 0 : 1,
    receivedAt,
  }
  if (dup) message.dup = true
  if (retain) message.retain = true
  const { responseTopic, correlationData } = packet.properties ?? {}
  // What is longer than anybody needs is no reason to refuse the message.
  if (responseTopic && responseTopic.length <= MAX_PROPERTY) message.responseTopic = responseTopic
  const correlation = correlationData?.toString('base64')
  if (correlation && correlation.length <= MAX_PROPERTY) message.correlationData = correlation
  return message
}

/** What is left of a message that the edge refuses outright: its beginning, which the edge can only reject and record. */
export function toRecord(received: Received): Received {
  const { topic, payload, payloadBase64, truncatedBytes, qos, receivedAt } = JSON.parse(
    received.json,
  ) as BridgeMessage
  const bytes = Buffer.from(
    payload ?? payloadBase64 ?? '',
    payload === undefined ? 'base64' : 'utf8',
  )
  const json = JSON.stringify({
    topic: topic || '-',
    payloadBase64: bytes.subarray(0, BEGINNING_BYTES).toString('base64'),
    truncatedBytes: truncatedBytes ?? bytes.length,
    qos,
    receivedAt,
  } satisfies BridgeMessage)
  return { ...received, json, bytes: Buffer.byteLength(json) }
}

function content(
  payload: Buffer,
): Pick<BridgeMessage, 'payload' | 'payloadBase64' | 'truncatedBytes'> {
  if (payload.length > MAX_PAYLOAD_BYTES) {
    const beginning = payload.subarray(0, wholeCharacters(payload, BEGINNING_BYTES))
    return { ...asText(beginning), truncatedBytes: payload.length }
  }
  return asText(payload)
}

const asText = (bytes: Buffer) =>
  isUtf8(bytes) ? { payload: bytes.toString() } : { payloadBase64: bytes.toString('base64') }

/** Up to `most` bytes, without the continuation bytes of a character that would be cut (RFC 3629 §3). */
function wholeCharacters(bytes: Buffer, most: number): number {
  let end = most
  while (end > most - 4 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return end
}

const deviceOf = (topic: string): string =>
  /^(?:v1\/devices|\$aws\/things)\/([^/]*)\//.exec(topic)?.[1] ?? topic
