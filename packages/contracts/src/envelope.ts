import { z } from '@hono/zod-openapi'

export const Meta = z.strictObject({ requestId: z.string(), nextCursor: z.string().optional() })
export type Meta = z.infer<typeof Meta>

/** The success envelope: `{data, meta}`. */
export const dataOf = <T extends z.ZodType>(schema: T) =>
  z.strictObject({ data: schema, meta: Meta })

/** The success envelope of a list. */
export const pageOf = <T extends z.ZodType>(schema: T) =>
  z.strictObject({ data: z.array(schema), meta: Meta })
