import { z } from '@hono/zod-openapi'
import { DeviceId } from './devices.ts'
import { Timestamp } from './primitives.ts'

/** What one batch of the bridge may hold (contract §5). */
export const MAX_BRIDGE_MESSAGES = 100
export const MAX_BRIDGE_BYTES = 1_000_000
/** Bytes of one payload; a larger one is recorded by its size and beginning, and rejected. */
export const MAX_PAYLOAD_BYTES = 128 * 1024

/** A message as the broker handed it over. */
export const BridgeMessage = z
  .strictObject({
    topic: z.string().min(1).max(1024),
    /** The payload as UTF-8 text. */
    payload: z.string().optional(),
    /** The payload in base64, where it is not UTF-8. */
    payloadBase64: z.string().optional(),
    /** Bytes of the whole payload, where it was too large to be sent on and `payload` is only its beginning. */
    truncatedBytes: z.number().int().optional(),
    qos: z.union([z.literal(0), z.literal(1)]),
    /** The broker says that it may have sent this before. */
    dup: z.boolean().optional(),
    retain: z.boolean().optional(),
    /** Where the sender wants its answer, and what it knows it by, in base64 (MQTT 5 §3.3.2.3.5 and §3.3.2.3.6). */
    responseTopic: z.string().max(1024).optional(),
    correlationData: z.string().max(1024).optional(),
    receivedAt: Timestamp,
  })
  .openapi('BridgeMessage')
export type BridgeMessage = z.infer<typeof BridgeMessage>

export const BridgeBatch = z
  .strictObject({
    /** The `BridgeLink` that leads back to this broker. */
    link: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .default('default'),
    messages: z.array(BridgeMessage).min(1).max(MAX_BRIDGE_MESSAGES),
    /**
     * Devices whose twins alone have not taken anything for a while: their messages are `held` where the twin still
     * does not, so that nobody else waits behind them.
     */
    hold: z.array(DeviceId).max(MAX_BRIDGE_MESSAGES).optional(),
  })
  .openapi('BridgeBatch')
export type BridgeBatch = z.infer<typeof BridgeBatch>

/** Why a message was rejected; it was recorded and may be acknowledged to the broker. */
export const RejectionCode = z.enum([
  'unknown_topic',
  'unknown_device',
  'malformed_json',
  'too_large',
  'too_deep',
  'invalid_payload',
  'wrong_device',
])
export type RejectionCode = z.infer<typeof RejectionCode>

export const BridgeResult = z.strictObject({
  /**
   * `retry`: not stored, since the twin cannot take it now, nor what follows it of this device. To be sent again, and
   * not to be acknowledged · `held`: the link keeps it, and what follows it, until the twin takes it.
   */
  result: z.enum(['stored', 'duplicate', 'rejected', 'retry', 'held']),
  code: RejectionCode.optional(),
  detail: z.string().optional(),
})
export type BridgeResult = z.infer<typeof BridgeResult>

/** What a device may forget: the highest number up to which all of an epoch are stored. */
export const BridgeAck = z.strictObject({
  deviceId: DeviceId,
  epoch: z.number().int(),
  ackedThrough: z.number().int(),
})
export type BridgeAck = z.infer<typeof BridgeAck>

export const BridgeAnswer = z
  .strictObject({
    /** One for each message, in the batch's order. */
    results: z.array(BridgeResult),
    /** To be published to `v1/devices/{deviceId}/acks` within 200 ms, the newest for each device. */
    acks: z.array(BridgeAck),
  })
  .openapi('BridgeAnswer')
export type BridgeAnswer = z.infer<typeof BridgeAnswer>

/** A message to a device, on its way through the bridge. */
export const Downlink = z.strictObject({
  /** Unique for a link; a repeated one is the same message. */
  id: z.string().min(1).max(256),
  topic: z.string().min(1).max(1024),
  payload: z.record(z.string(), z.unknown()),
  /** 0 for at most once: it is given to a bridge and written to the broker once, whatever fails. */
  qos: z.union([z.literal(0), z.literal(1)]),
  retain: z.boolean(),
  /** MQTT 5 properties; dropped where the broker speaks MQTT 3.1.1. Correlation data in base64. */
  responseTopic: z.string().max(1024).optional(),
  correlationData: z.string().max(1024).optional(),
  /** After which the broker may drop it (MQTT 5 §3.3.2.3.3); the bridge drops it itself once it is over. */
  expiresAt: Timestamp.optional(),
})
export type Downlink = z.infer<typeof Downlink>

/** What the edge sends to the bridge on `GET /devices/bridge/ws`. */
export const BridgeDownFrame = z.discriminatedUnion('type', [
  /**
   * First on every socket. One bridge of a link is `active`; others stand by, away from the broker, until they are
   * `activated`.
   */
  z.strictObject({
    type: z.literal('welcome'),
    data: z.strictObject({
      link: z.string(),
      generation: z.number().int(),
      active: z.boolean(),
    }),
  }),
  /** In order; each is repeated on a new socket until `published` names it. */
  z.strictObject({
    type: z.literal('publish'),
    data: z.strictObject({ messages: z.array(Downlink) }),
  }),
  /**
   * Make the broker know these; answered by `credentials.done`. `password` `null` takes the user name's access away and
   * ends its connections.
   */
  z.strictObject({
    type: z.literal('credentials.set'),
    id: z.string(),
    data: z.strictObject({
      deviceId: DeviceId,
      /** The device's id, or that and `~2`. */
      username: z.string(),
      password: z.string().nullable(),
    }),
  }),
  /** The bridge that had the link is gone: this one has it now. */
  z.strictObject({
    type: z.literal('activated'),
    data: z.strictObject({ generation: z.number().int() }),
  }),
])
export type BridgeDownFrame = z.infer<typeof BridgeDownFrame>

/** What the bridge sends. */
export const BridgeUpFrame = z.discriminatedUnion('type', [
  /** The broker has acknowledged these. */
  z.strictObject({
    type: z.literal('published'),
    data: z.strictObject({ ids: z.array(z.string()).max(1000) }),
  }),
  z.strictObject({
    type: z.literal('credentials.done'),
    id: z.string(),
    data: z.strictObject({ ok: z.boolean(), detail: z.string().optional() }),
  }),
])
export type BridgeUpFrame = z.infer<typeof BridgeUpFrame>

/** What a broker asks when a client connects (the request of EMQX's HTTP authenticator); further fields are ignored. */
export const BrokerAuthRequest = z.looseObject({
  username: z.string().max(1024).default(''),
  password: z.string().max(1024).default(''),
  clientid: z.string().max(1024).default(''),
})
export type BrokerAuthRequest = z.infer<typeof BrokerAuthRequest>

/** What a broker asks before a publish or subscribe (the request of EMQX's HTTP authorizer). */
export const BrokerAclRequest = z.looseObject({
  username: z.string().max(1024).default(''),
  clientid: z.string().max(1024).default(''),
  topic: z.string().max(65_535),
  action: z.enum(['publish', 'subscribe']),
})
export type BrokerAclRequest = z.infer<typeof BrokerAclRequest>

export const BrokerDecision = z.strictObject({
  result: z.enum(['allow', 'deny']),
  is_superuser: z.literal(false),
})
export type BrokerDecision = z.infer<typeof BrokerDecision>

/** Series of the bridge's own page on :9090 (contract §8), beside the gateway's. */
export const bridgeSeries = {
  mqtt_messages_total: {
    kind: 'counter',
    labels: ['direction', 'qos'],
    help: 'Messages taken from and given to the broker.',
  },
  mqtt_bridge_inflight: {
    kind: 'gauge',
    labels: [],
    help: 'Messages taken from the broker and not yet acknowledged to it.',
  },
  mqtt_bridge_lag_seconds: {
    kind: 'histogram',
    labels: [],
    help: 'From the arrival of a message to its acknowledgement.',
  },
} as const
