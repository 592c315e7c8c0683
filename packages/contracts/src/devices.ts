import { z } from '@hono/zod-openapi'
import { freeText, Id, Metadata, PageQuery, Timestamp } from './primitives.ts'

/** Words that stand where an id does in paths. */
const reserved: ReadonlySet<string> = new Set(['bridge', 'claim'])

/** A device's id: its own, or a UUID where it brought none. Also its MQTT username. */
export const DeviceId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')
  .refine((id) => !reserved.has(id), 'is a reserved word')
  .openapi({ example: 'thermometer-7' })
export type DeviceId = z.infer<typeof DeviceId>

/** A telemetry stream or an event's name: made by its first message. */
export const StreamName = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, _ or -')
  .openapi({ example: 'climate' })
export type StreamName = z.infer<typeof StreamName>

/** Bytes of one section of a twin as JSON, and how deep it may nest. */
export const MAX_TWIN_SECTION_BYTES = 8 * 1024
export const MAX_TWIN_DEPTH = 8
/** Names in one telemetry message, and characters of a text value. */
export const MAX_TELEMETRY_VALUES = 64
export const MAX_TELEMETRY_TEXT = 256

export const PresenceState = z.enum(['online', 'offline', 'unknown'])
export type PresenceState = z.infer<typeof PresenceState>

export const Device = z
  .strictObject({
    id: DeviceId,
    name: z.string(),
    ownerId: Id,
    metadata: Metadata,
    state: PresenceState,
    /** When it last said anything; `null` before its first message. */
    lastSeenAt: Timestamp.nullable(),
    createdAt: Timestamp,
  })
  .openapi('Device')
export type Device = z.infer<typeof Device>

export const CreateDeviceRequest = z
  .strictObject({
    id: DeviceId.optional(),
    name: freeText(128).optional(),
    /** Another account's device; needs `devices:write`. */
    ownerId: Id.optional(),
    metadata: Metadata.optional(),
  })
  .openapi('CreateDeviceRequest')
export type CreateDeviceRequest = z.infer<typeof CreateDeviceRequest>

export const DeviceListQuery = PageQuery.extend({
  /** Part of an id or a name. */
  q: z.string().min(1).max(128).optional(),
  state: PresenceState.optional(),
})
export type DeviceListQuery = z.infer<typeof DeviceListQuery>

/** What the device signs in to the broker with; shown once. */
export const DeviceCredentials = z
  .strictObject({
    username: z.string(),
    password: z.string(),
    /** Client ids the broker takes: the device's id, or ones that begin with it and `-`. */
    clientId: z.string(),
    createdAt: Timestamp,
  })
  .openapi('DeviceCredentials')
export type DeviceCredentials = z.infer<typeof DeviceCredentials>

/** A section of a twin: any JSON object of at most 8 KiB and 8 levels. */
export const TwinSection = z.record(z.string(), z.unknown())
export type TwinSection = z.infer<typeof TwinSection>

/** When each field last changed, in the shape of its section: leaves are `{timestamp}`. */
export const TwinMetadata = z.strictObject({
  desired: z.record(z.string(), z.unknown()),
  reported: z.record(z.string(), z.unknown()),
})

export const Twin = z
  .strictObject({
    desired: TwinSection,
    reported: TwinSection,
    /** Fields of `desired` that `reported` does not have, or has otherwise. */
    delta: TwinSection,
    metadata: TwinMetadata,
    /** Grows by one with every accepted write, of either section. */
    version: z.number().int(),
  })
  .openapi('Twin')
export type Twin = z.infer<typeof Twin>

export const PatchTwinRequest = z
  .strictObject({
    /** Merged into `desired` (RFC 7396): `null` deletes a field. */
    desired: TwinSection,
    /** The version this change was made from; another one answers 409. */
    version: z.number().int().min(0).optional(),
  })
  .openapi('PatchTwinRequest')
export type PatchTwinRequest = z.infer<typeof PatchTwinRequest>

export const TelemetryValue = z.union([z.number(), z.boolean(), z.string().max(MAX_TELEMETRY_TEXT)])
export type TelemetryValue = z.infer<typeof TelemetryValue>
export const TelemetryValues = z.record(z.string(), TelemetryValue)
export type TelemetryValues = z.infer<typeof TelemetryValues>

export const TelemetrySample = z
  .strictObject({
    values: TelemetryValues,
    /** The device's own time, or that of its arrival. */
    time: Timestamp,
    seq: z.number().int().optional(),
  })
  .openapi('TelemetrySample')
export type TelemetrySample = z.infer<typeof TelemetrySample>

/** A minute of one stream: for each number its least, greatest and mean, and how many there were. */
export const TelemetryBucket = z
  .strictObject({
    start: Timestamp,
    count: z.number().int(),
    values: z.record(
      z.string(),
      z.strictObject({
        min: z.number(),
        max: z.number(),
        mean: z.number(),
        count: z.number().int(),
      }),
    ),
  })
  .openapi('TelemetryBucket')
export type TelemetryBucket = z.infer<typeof TelemetryBucket>

export const TelemetryQuery = z.strictObject({
  /** One stream; all of them, with their latest values alone, when left out. */
  stream: StreamName.optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  /** `raw` samples or one bucket for each minute; the newest 10,000 of either at most. */
  resolution: z.enum(['raw', 'minute']).default('raw'),
})
export type TelemetryQuery = z.infer<typeof TelemetryQuery>

export const Telemetry = z
  .strictObject({
    latest: z.record(z.string(), TelemetrySample),
    /** Of the asked stream, oldest first. */
    series: z.array(z.union([TelemetrySample, TelemetryBucket])).optional(),
  })
  .openapi('Telemetry')
export type Telemetry = z.infer<typeof Telemetry>

export const Presence = z
  .strictObject({
    state: PresenceState,
    /** The connection the state is about, as the device named it. */
    session: z.string().nullable(),
    since: Timestamp.nullable(),
    lastSeenAt: Timestamp.nullable(),
  })
  .openapi('Presence')
export type Presence = z.infer<typeof Presence>

/** Fires once when a number crosses the threshold, and again only after it came back. At most one for each stream. */
export const ThresholdRule = z
  .strictObject({
    stream: StreamName,
    /** The name of a number in the stream's values. */
    field: z.string().min(1).max(64),
    operator: z.enum(['above', 'below']),
    threshold: z.number(),
    /** What people read in the notification; made from the rule unless given. */
    name: freeText(128).optional(),
  })
  .openapi('ThresholdRule')
export type ThresholdRule = z.infer<typeof ThresholdRule>

export const RuleState = z
  .strictObject({
    rule: ThresholdRule,
    /** True while the newest value is beyond the threshold. */
    triggered: z.boolean(),
    lastTriggeredAt: Timestamp.nullable(),
  })
  .openapi('RuleState')
export type RuleState = z.infer<typeof RuleState>

export const PutRulesRequest = z
  .strictObject({
    rules: z
      .array(ThresholdRule)
      .max(100)
      .refine(
        (rules) => new Set(rules.map(({ stream }) => stream)).size === rules.length,
        'must have at most one rule for each stream',
      ),
  })
  .openapi('PutRulesRequest')
export type PutRulesRequest = z.infer<typeof PutRulesRequest>
