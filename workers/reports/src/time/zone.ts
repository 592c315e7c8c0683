/** A day of a calendar, without a time zone. */
export interface LocalDate {
  year: number
  /** 1 to 12. */
  month: number
  day: number
}

const DAY_MS = 86_400_000
const formats = new Map<string, Intl.DateTimeFormat>()

function formatOf(timeZone: string): Intl.DateTimeFormat {
  // Names are the same in any case, and so are not without number.
  const name = timeZone.toLowerCase()
  const known = formats.get(name)
  if (known) return known
  const made = new Intl.DateTimeFormat('en', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  formats.set(name, made)
  return made
}

/**
 * How far the clocks of an IANA time zone are ahead of UTC at an instant, in milliseconds.
 *
 * @param at milliseconds since the epoch, not before year 1
 */
export function offsetAt(timeZone: string, at: number): number {
  if (timeZone === 'UTC') return 0
  const shown: Record<string, number> = {}
  for (const { type, value } of formatOf(timeZone).formatToParts(at)) shown[type] = Number(value)
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0 } = shown
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1000) * 1000
}

/** The day that the clocks of a zone show. */
export function localDateAt(timeZone: string, at: number): LocalDate {
  return dateOf(at + offsetAt(timeZone, at))
}

/** The first moment of a day in a zone. Where clocks jump over midnight it is the moment they do. */
export function startOfDay(timeZone: string, { year, month, day }: LocalDate): number {
  const midnight = Date.UTC(year, month - 1, day)
  // No clock is a whole day away from UTC, so these lie before and after the midnight that is looked for.
  const before = offsetAt(timeZone, midnight - DAY_MS)
  const after = offsetAt(timeZone, midnight + DAY_MS)
  const shown = [midnight - before, midnight - after].filter(
    (at) => at + offsetAt(timeZone, at) === midnight,
  )
  return shown.length > 0
    ? Math.min(...shown)
    : clockChange(timeZone, midnight - DAY_MS, midnight + DAY_MS)
}

/** The first instant whose offset is not that of `from`; one of `to` is known to have another. To the second. */
export function clockChange(timeZone: string, from: number, to: number): number {
  const offset = offsetAt(timeZone, from)
  let low = Math.floor(from / 1000)
  let high = Math.ceil(to / 1000)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(timeZone, middle * 1000) === offset) low = middle
    else high = middle
  }
  return high * 1000
}

/** A day so many days later. */
export const addDays = ({ year, month, day }: LocalDate, days: number): LocalDate =>
  dateOf(Date.UTC(year, month - 1, day + days))

/** 1 for Monday to 7 for Sunday (ISO 8601). */
export const weekday = ({ year, month, day }: LocalDate): number =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDay() || 7

/** The day that UTC's clocks show. */
function dateOf(ms: number): LocalDate {
  const date = new Date(ms)
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() }
}
