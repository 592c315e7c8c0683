import type { Interval as IntervalName } from '@menagerie/contracts'
import { AppError } from '@menagerie/core'
import type { Interval } from '../history/history-store.ts'
import { intervalsOf } from '../time/intervals.ts'

const DAY_MS = 86_400_000
export const MAX_RANGE_DAYS = 400
export const MAX_INTERVALS = 5_000

/**
 * The half-open range a report is asked for: the 24 hours before `to`, which is now, unless given.
 *
 * @param now milliseconds since the epoch
 * @throws AppError `validation_failed` for a range that is empty, over 400 days long or begins before 1970
 */
export function rangeOf(
  asked: { from?: string | undefined; to?: string | undefined },
  now: number,
): Interval {
  const end = asked.to === undefined ? now : Date.parse(asked.to)
  const start = asked.from === undefined ? Math.max(0, end - DAY_MS) : Date.parse(asked.from)
  if (start < 0) throw refuse('from', 'must not be before 1970')
  if (start >= end) throw refuse('from', 'must be before to')
  if (end - start > MAX_RANGE_DAYS * DAY_MS)
    throw refuse('from', `must be at most ${MAX_RANGE_DAYS} days before to`)
  return { start, end }
}

/**
 * The intervals of a report.
 *
 * @throws AppError `validation_failed` when there are more than 5,000
 */
export function intervalsIn(range: Interval, name: IntervalName, timeZone: string): Interval[] {
  const intervals = intervalsOf(range, name, timeZone, MAX_INTERVALS)
  if (intervals === undefined)
    throw refuse('interval', `makes more than ${MAX_INTERVALS} intervals: ask for a shorter range`)
  return intervals
}

const refuse = (field: string, detail: string): AppError =>
  new AppError('validation_failed', 'The request has fields that are not valid', {
    errors: [{ pointer: `/query/${field}`, code: 'invalid_range', detail }],
  })
