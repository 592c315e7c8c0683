import type { Interval as IntervalName } from '@menagerie/contracts'
import type { Interval } from '../history/history-store.ts'
import {
  addDays,
  clockChange,
  type LocalDate,
  localDateAt,
  offsetAt,
  startOfDay,
  weekday,
} from './zone.ts'

const QUARTER_MS = 15 * 60_000
const HOUR_MS = 60 * 60_000

/**
 * Cuts a range at the borders that the clocks and calendars of a time zone show: quarters of an hour, hours, days,
 * weeks from Monday (ISO 8601) or months. The first and the last are as short as the range makes them. A day may have 23
 * or 25 hours; where the clocks change within an hour, it ends there.
 *
 * @param range half-open, milliseconds since the epoch
 * @param limit how many are too many
 * @returns `undefined` when there would be more than `limit`
 */
export function intervalsOf(
  range: Interval,
  name: IntervalName,
  timeZone: string,
  limit: number,
): Interval[] | undefined {
  const intervals: Interval[] = []
  let start = range.start
  for (const border of bordersAfter(range.start, name, timeZone)) {
    const end = Math.min(border, range.end)
    // A day that a zone left out has no length.
    if (end <= start) continue
    if (intervals.length === limit) return undefined
    intervals.push({ start, end })
    start = end
    if (end === range.end) break
  }
  return intervals
}

function bordersAfter(at: number, name: IntervalName, timeZone: string): Iterable<number> {
  switch (name) {
    case '15min':
      return clockBorders(at, QUARTER_MS, timeZone)
    case 'hour':
      return clockBorders(at, HOUR_MS, timeZone)
    case 'day':
      return calendarBorders(at, timeZone, (date) => addDays(date, 1))
    case 'week':
      return calendarBorders(at, timeZone, (date) => addDays(date, 8 - weekday(date)))
    case 'month':
      return calendarBorders(at, timeZone, ({ year, month }) =>
        month === 12 ? { year: year + 1, month: 1, day: 1 } : { year, month: month + 1, day: 1 },
      )
  }
}

function* clockBorders(from: number, step: number, timeZone: string): Generator<number> {
  let at = from
  let offset = offsetAt(timeZone, at)
  for (;;) {
    const next = (Math.floor((at + offset) / step) + 1) * step - offset
    const following = offsetAt(timeZone, next)
    at = following === offset ? next : clockChange(timeZone, at, next)
    offset = following
    yield at
  }
}

function* calendarBorders(
  from: number,
  timeZone: string,
  next: (date: LocalDate) => LocalDate,
): Generator<number> {
  let date = localDateAt(timeZone, from)
  for (;;) {
    date = next(date)
    yield startOfDay(timeZone, date)
  }
}
