import { z } from '@hono/zod-openapi'

/** The subprotocol every socket speaks. */
export const subprotocol = 'menagerie.v1'
/** Prefix of the subprotocol that carries a ticket: `ticket.<base64url>`. */
export const ticketPrefix = 'ticket.'
/** Frames from clients, in bytes of UTF-8. */
export const MAX_FRAME_BYTES = 64 * 1024
/** What one `batch` frame may hold. */
export const MAX_BATCH_EVENTS = 100
export const MAX_BATCH_BYTES = 48 * 1024

/** Why a socket was closed. */
export const closeCodes = {
  unsupportedData: 1003,
  policyViolation: 1008,
  tooLarge: 1009,
  slowConsumer: 1013,
  tokenEnded: 4401,
  forbidden: 4403,
  notFound: 4404,
  ended: 4410,
} as const
export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes]

/** What any client may send; what a type's `data` holds is its owner's rule. */
export const ClientFrame = z.strictObject({
  type: z.string().min(1).max(64),
  id: z.string().min(1).max(255).optional(),
  data: z.record(z.string(), z.unknown()).default({}),
})
export type ClientFrame = z.infer<typeof ClientFrame>

export const ResumeFrameData = z.strictObject({ lastSeq: z.number().int().min(0) })
export const ReauthFrameData = z.strictObject({ ticket: z.string().min(1).max(256) })

/** What a server sends. Only journalled events carry `seq`, gap-free for each object. */
export const ServerFrame = z.looseObject({
  type: z.string(),
  id: z.string().optional(),
  seq: z.number().int().optional(),
  time: z.string().optional(),
  actor: z.string().optional(),
  data: z.unknown(),
})
export type ServerFrame = z.infer<typeof ServerFrame>

export const WelcomeData = z.strictObject({
  connectionId: z.string(),
  seq: z.number().int(),
  snapshot: z.unknown(),
  resumed: z.boolean(),
})
export type WelcomeData = z.infer<typeof WelcomeData>
