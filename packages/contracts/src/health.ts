import { z } from '@hono/zod-openapi'

const Indicator = z.looseObject({ status: z.enum(['up', 'down']), latencyMs: z.number() })

/** The Terminus shape: what is up in `info`, what is down in `error`, all of it in `details`. */
export const Health = z
  .strictObject({
    status: z.enum(['ok', 'error']),
    info: z.record(z.string(), Indicator),
    error: z.record(z.string(), Indicator),
    details: z.record(z.string(), Indicator),
    version: z.string(),
  })
  .openapi('Health')
export type Health = z.infer<typeof Health>
