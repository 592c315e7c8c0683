import { z } from '@hono/zod-openapi'

/** RFC 3339 in UTC, written with `Z`. */
export const Timestamp = z.iso
  .datetime({ offset: false, error: 'must be a time in UTC such as 2026-11-21T10:00:00Z' })
  .openapi({ example: '2026-11-21T10:00:00.000Z' })
export type Timestamp = z.infer<typeof Timestamp>

/** An account, call or session: UUIDv7, or UUIDv8 where it came from an idempotency key (RFC 9562). */
export const Id = z.uuid().openapi({ example: '019aa5b8-7c00-7000-8000-000000000001' })
export type Id = z.infer<typeof Id>

/** E.164: `+`, a country code that does not begin with 0, at most 15 digits. */
export const PhoneNumber = z
  .string()
  .regex(/^\+[1-9]\d{6,14}$/, 'must be an E.164 phone number such as +12025550101')
  .openapi({ example: '+12025550101' })
export type PhoneNumber = z.infer<typeof PhoneNumber>

export const EmailAddress = z.email().max(254).openapi({ example: 'ada@example.com' })
export type EmailAddress = z.infer<typeof EmailAddress>

/** A BCP 47 language tag. */
export const Locale = z
  .string()
  .max(35)
  .regex(/^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$/, 'must be a language tag such as en-GB')
export type Locale = z.infer<typeof Locale>

/** A name of the IANA time zone database. */
export const TimeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'must be an IANA time zone such as Europe/London')
  .openapi({ example: 'Europe/London' })
export type TimeZone = z.infer<typeof TimeZone>

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined && /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

/** What JSON can carry and nothing can store: half of a pair of UTF-16 code units (RFC 7493 §2.1). */
const isText = (value: string) => value.isWellFormed()
const notText = 'must be Unicode text without lone surrogates'

/** Text that somebody chose, such as a name. */
export const freeText = (max: number) => z.string().trim().min(1).max(max).refine(isText, notText)

/** Free values that belong to the caller: at most 50 names, each value a text of at most 500 characters. */
export const Metadata = z
  .record(
    z.string().min(1).max(64).refine(isText, notText),
    z.string().max(500).refine(isText, notText),
  )
  .refine((value) => Object.keys(value).length <= 50, 'must have at most 50 names')
export type Metadata = z.infer<typeof Metadata>

/**
 * A whole number in a query: digits alone, since an empty value is no 0. Callers of the typed client give a number; on
 * the wire everything is text.
 */
export const queryInteger = (min: number, max: number) =>
  z
    .union(
      [
        z
          .string()
          .regex(/^\d{1,15}$/)
          .transform(Number),
        z.number(),
      ],
      { error: 'must be a whole number' },
    )
    .pipe(z.number().int().min(min).max(max))
    .openapi({ type: 'integer', minimum: min, maximum: max })

/** Query of a list: page size and the opaque, signed position to go on from. */
export const PageQuery = z.strictObject({
  limit: queryInteger(1, 200).default(50),
  cursor: z.string().min(1).max(1024).optional(),
})
export type PageQuery = z.infer<typeof PageQuery>

/** The most a list query may skip or show at once. */
export const MAX_PAGE = 200
