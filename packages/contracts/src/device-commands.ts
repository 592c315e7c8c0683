import { z } from '@hono/zod-openapi'
import { DeviceId, StreamName } from './devices.ts'
import { Id, PageQuery, Timestamp } from './primitives.ts'

/** Bytes of a command's payload, and of what its result says, as JSON. */
export const MAX_COMMAND_BYTES = 8 * 1024
/** Commands of one device that may be under way; the next one answers 429. */
export const MAX_OPEN_COMMANDS = 100

/**
 * `QUEUED` waits for the device · `SENT` is on its way · `DELIVERED` the device has confirmed it · then one of
 * `SUCCESSFUL`, `FAILED` (the device said so, or somebody canceled it), `TIMEOUT` (sent, and no result in time) and
 * `EXPIRED` (never sent).
 */
export const CommandState = z.enum([
  'QUEUED',
  'SENT',
  'DELIVERED',
  'SUCCESSFUL',
  'FAILED',
  'TIMEOUT',
  'EXPIRED',
])
export type CommandState = z.infer<typeof CommandState>

/** States that a command never leaves. */
export const finalCommandStates: ReadonlySet<CommandState> = new Set([
  'SUCCESSFUL',
  'FAILED',
  'TIMEOUT',
  'EXPIRED',
])

export const CommandError = z.strictObject({
  /** `canceled`, or what the device gave. */
  code: z.string(),
  message: z.string().nullable(),
})
export type CommandError = z.infer<typeof CommandError>

export const Command = z
  .strictObject({
    id: Id,
    deviceId: DeviceId,
    name: StreamName,
    payload: z.record(z.string(), z.unknown()),
    state: CommandState,
    /** What the device last told while it worked; `null` before. */
    progress: z.unknown(),
    /** What the device answered at its end; `null` otherwise. */
    result: z.unknown(),
    error: CommandError.nullable(),
    /** Seconds from `sentAt` to the result. */
    timeoutSeconds: z.number().int(),
    /** Never handed to the device a second time, at the price that it may not arrive. */
    atMostOnce: z.boolean(),
    /** How often it was handed to the broker. */
    attempts: z.number().int(),
    createdAt: Timestamp,
    /** Until when it may wait for a device that sleeps. */
    expiresAt: Timestamp,
    sentAt: Timestamp.nullable(),
    deliveredAt: Timestamp.nullable(),
    finishedAt: Timestamp.nullable(),
  })
  .openapi('Command')
export type Command = z.infer<typeof Command>

export const SendCommandRequest = z
  .strictObject({
    name: StreamName,
    /** At most 8 KiB of JSON. */
    payload: z.record(z.string(), z.unknown()).default({}),
    timeoutSeconds: z.number().int().min(1).max(86_400).default(30),
    /** How long it may wait for a device that sleeps: a day unless given, seven at most, 0 for "now or never". */
    ttlSeconds: z.number().int().min(0).max(604_800).default(86_400),
    atMostOnce: z.boolean().default(false),
  })
  .openapi('SendCommandRequest')
export type SendCommandRequest = z.infer<typeof SendCommandRequest>

export const CommandListQuery = PageQuery.extend({
  state: CommandState.optional(),
})
export type CommandListQuery = z.infer<typeof CommandListQuery>
