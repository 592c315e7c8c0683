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

/** Labels to find devices by. */
export const Tags = z
  .array(z.string().regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'must be 1 to 64 letters, digits, _ . : or -'))
  .max(20)
  .refine((tags) => new Set(tags).size === tags.length, 'must name each tag once')
export type Tags = z.infer<typeof Tags>

/** Seconds of silence after which a device counts as inactive. */
const InactivityTimeout = z.number().int().min(5).max(2_592_000)

export const Device = z
  .strictObject({
    id: DeviceId,
    name: z.string(),
    ownerId: Id,
    metadata: Metadata,
    tags: Tags,
    state: PresenceState,
    /** `null` where nobody is told when it falls silent. */
    inactivityTimeoutSeconds: z.number().int().nullable(),
    /** False once it has been silent for longer than that; true from its next message on, and before its first. */
    active: z.boolean(),
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
    tags: Tags.optional(),
    inactivityTimeoutSeconds: InactivityTimeout.nullable().optional(),
  })
  .openapi('CreateDeviceRequest')
export type CreateDeviceRequest = z.infer<typeof CreateDeviceRequest>

/** What is left out stays as it is; `metadata` and `tags` are replaced as a whole. */
export const PatchDeviceRequest = z
  .strictObject({
    name: freeText(128).optional(),
    metadata: Metadata.optional(),
    tags: Tags.optional(),
    inactivityTimeoutSeconds: InactivityTimeout.nullable().optional(),
  })
  .refine((patch) => Object.keys(patch).length > 0, 'must name something to change')
  .openapi('PatchDeviceRequest')
export type PatchDeviceRequest = z.infer<typeof PatchDeviceRequest>

export const DeviceListQuery = PageQuery.extend({
  /** Part of an id or a name. */
  q: z.string().min(1).max(128).optional(),
  state: PresenceState.optional(),
  /** Devices with that tag. */
  tag: z.string().min(1).max(64).optional(),
  /** Devices of one account; other ones than one's own need `devices:read`. */
  ownerId: Id.optional(),
})
export type DeviceListQuery = z.infer<typeof DeviceListQuery>

/** A section of a twin: any JSON object of at most 8 KiB and 8 levels. */
export const TwinSection = z.record(z.string(), z.unknown(), 'must be a JSON object')
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

/** One change of a twin, by whom and when. */
export const TwinChange = z
  .strictObject({
    version: z.number().int(),
    section: z.enum(['desired', 'reported']),
    /** What was merged in, `null` for what was deleted (RFC 7396). */
    patch: TwinSection,
    actor: z.string(),
    time: Timestamp,
  })
  .openapi('TwinChange')
export type TwinChange = z.infer<typeof TwinChange>

/** Whether a range is one: what ends before it begins holds nothing, and nobody asks for that. */
const isRange = ({ from, to }: { from?: string | undefined; to?: string | undefined }): boolean =>
  from === undefined || to === undefined || Date.parse(from) <= Date.parse(to)
const notRange = { path: ['to'], error: 'must not be before from' }

export const TwinHistoryQuery = PageQuery.extend({
  section: z.enum(['desired', 'reported']).optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
}).refine(isRange, notRange)
export type TwinHistoryQuery = z.infer<typeof TwinHistoryQuery>

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

/** A minute, hour or day (UTC) of one stream: for each number its least, greatest and mean, and how many there were. */
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

const TelemetryRange = z.strictObject({
  /** One stream; all of them, with their latest values alone, when left out. */
  stream: StreamName.optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  /**
   * `raw` samples, or buckets; the newest 10,000 at most, fewer where they hold hundreds of numbers. Kept are the newest
   * 10,000 samples of a stream (of 16 MiB at most), minutes for 7 days, hours for 90 days, days for 5 years (32 MiB).
   */
  resolution: z.enum(['raw', 'minute', 'hour', 'day']).default('raw'),
})

export const TelemetryQuery = TelemetryRange.refine(isRange, notRange).refine(
  ({ stream, from, to, resolution }) =>
    stream !== undefined || (from === undefined && to === undefined && resolution === 'raw'),
  { path: ['stream'], error: 'must be named where from, to or a resolution is' },
)
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

/**
 * Fires once when a number has been beyond the threshold for `durationSeconds`, and again only after it came back by more
 * than the hysteresis.
 */
export const ThresholdRule = z
  .strictObject({
    stream: StreamName,
    /** The name of a number in the stream's values. */
    field: z.string().min(1).max(64),
    operator: z.enum(['above', 'below']),
    threshold: z.number(),
    /** How far inside the threshold a value must come before the rule is cleared: it neither fires nor clears between. */
    hysteresis: z.number().min(0).optional(),
    /** How long it must stay beyond the threshold; a value that comes back in that time starts it anew. */
    durationSeconds: z.number().int().min(0).max(86_400).optional(),
    /** What people read in the notification; made from the rule unless given. */
    name: freeText(128).optional(),
  })
  .openapi('ThresholdRule')
export type ThresholdRule = z.infer<typeof ThresholdRule>

export const RuleState = z
  .strictObject({
    rule: ThresholdRule,
    /** True from the moment it fires until it is cleared. */
    triggered: z.boolean(),
    /** Since when the value has been beyond the threshold, where it must stay there for a while; `null` otherwise. */
    pendingSince: Timestamp.nullable(),
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
        (rules) =>
          new Set(
            rules.map(({ stream, field, operator, threshold }) =>
              JSON.stringify([stream, field, operator, threshold]),
            ),
          ).size === rules.length,
        'must name each stream, field, operator and threshold once',
      ),
  })
  .openapi('PutRulesRequest')
export type PutRulesRequest = z.infer<typeof PutRulesRequest>

/** What a new owner types in; shown once, good for one claim. */
export const ClaimCode = z
  .strictObject({ code: z.string(), expiresAt: Timestamp })
  .openapi('ClaimCode')
export type ClaimCode = z.infer<typeof ClaimCode>

export const ClaimDeviceRequest = z
  .strictObject({ code: z.string().min(1).max(128) })
  .openapi('ClaimDeviceRequest')
export type ClaimDeviceRequest = z.infer<typeof ClaimDeviceRequest>
