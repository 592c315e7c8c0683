import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { intervalsOf } from '../../src/time/intervals.ts'

const HOUR = 3_600_000
const QUARTER = HOUR / 4
const DAY = 24 * HOUR
const zones = [
  'UTC',
  'Europe/London',
  'America/New_York',
  // Half an hour of summer time.
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Chatham',
  // Clocks jump at midnight.
  'Africa/Cairo',
  'America/Havana',
] as const

const at = (time: string) => Date.parse(time)
const hoursOf = (from: string, to: string, name: 'day' | 'hour' | 'week', timeZone: string) =>
  intervalsOf({ start: at(from), end: at(to) }, name, timeZone, 5_000)?.map(
    ({ start, end }) => (end - start) / HOUR,
  )

describe('days', () => {
  test.each([
    ['Europe/London', '2026-03-28T00:00:00Z', '2026-03-30T23:00:00Z', [24, 23, 24]],
    ['Europe/London', '2026-10-23T23:00:00Z', '2026-10-27T00:00:00Z', [24, 25, 24]],
    ['America/New_York', '2026-03-07T05:00:00Z', '2026-03-10T04:00:00Z', [24, 23, 24]],
    ['America/New_York', '2026-10-31T04:00:00Z', '2026-11-03T05:00:00Z', [24, 25, 24]],
    ['Australia/Lord_Howe', '2026-04-03T13:00:00Z', '2026-04-06T13:30:00Z', [24, 24.5, 24]],
    ['Australia/Lord_Howe', '2026-10-02T13:30:00Z', '2026-10-05T13:00:00Z', [24, 23.5, 24]],
    ['Asia/Kathmandu', '2026-01-01T18:15:00Z', '2026-01-03T18:15:00Z', [24, 24]],
    // There is no 00:00 on 24 April: the day begins at 01:00.
    ['Africa/Cairo', '2026-04-22T22:00:00Z', '2026-04-24T21:00:00Z', [24, 23]],
  ])('of %s from %s are as long as its clocks make them', (zone, from, to, hours) => {
    expect(hoursOf(from, to, 'day', zone)).toEqual(hours)
  })

  test('that a zone left out are not there', () => {
    // Samoa went from Thursday 29 to Saturday 31 December 2011.
    expect(hoursOf('2011-12-29T10:00:00Z', '2011-12-31T10:00:00Z', 'day', 'Pacific/Apia')).toEqual([
      24, 24,
    ])
  })
})

test('weeks begin on Monday and have an hour more or less where the clocks change', () => {
  expect(hoursOf('2026-03-23T00:00:00Z', '2026-04-05T23:00:00Z', 'week', 'Europe/London')).toEqual([
    167, 168,
  ])
  const weeks = intervalsOf(
    { start: at('2025-12-30T00:00:00Z'), end: at('2026-01-13T00:00:00Z') },
    'week',
    'UTC',
    9,
  )
  expect(weeks?.map(({ start }) => new Date(start).toISOString().slice(0, 10))).toEqual([
    '2025-12-30',
    '2026-01-05',
    '2026-01-12',
  ])
})

test('months follow the calendar, over the end of a year', () => {
  const months = intervalsOf(
    { start: at('2025-11-15T00:00:00Z'), end: at('2026-03-02T00:00:00Z') },
    'month',
    'Asia/Kathmandu',
    9,
  )
  expect(months?.map(({ start }) => new Date(start).toISOString())).toEqual([
    '2025-11-15T00:00:00.000Z',
    '2025-11-30T18:15:00.000Z',
    '2025-12-31T18:15:00.000Z',
    '2026-01-31T18:15:00.000Z',
    '2026-02-28T18:15:00.000Z',
  ])
})

test('hours are those the clocks show: two at one o’clock, and half ones where they change by a half', () => {
  expect(
    hoursOf('2026-11-01T05:00:00Z', '2026-11-01T08:00:00Z', 'hour', 'America/New_York'),
  ).toEqual([1, 1, 1])
  expect(
    hoursOf('2026-04-04T14:00:00Z', '2026-04-04T16:30:00Z', 'hour', 'Australia/Lord_Howe'),
  ).toEqual([1, 0.5, 1])
  expect(
    hoursOf('2026-10-03T14:30:00Z', '2026-10-03T17:00:00Z', 'hour', 'Australia/Lord_Howe'),
  ).toEqual([1, 0.5, 1])
})

type Zone = (typeof zones)[number]
const walls = Object.fromEntries(
  zones.map((timeZone) => [
    timeZone,
    new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'medium' }),
  ]),
) as Record<Zone, Intl.DateTimeFormat>

/** What a calendar on the wall shows at a moment, told by another formatter than the code under test uses. */
function labelOf(time: number, name: string, zone: Zone): string {
  const [date = '', clock = ''] = walls[zone].format(time).split(' ')
  switch (name) {
    case 'day':
      return date
    case 'month':
      return date.slice(0, 7)
    case 'week': {
      const day = new Date(`${date}T00:00:00Z`)
      return new Date(day.getTime() - ((day.getUTCDay() + 6) % 7) * DAY).toISOString()
    }
    case 'hour': {
      // With how far the clocks are from UTC, since an hour may come twice.
      const offset = Math.round((Date.parse(`${date}T${clock}Z`) - time) / 60_000)
      return `${date} ${clock.slice(0, 2)} ${offset}`
    }
    default:
      return String(Math.floor(time / QUARTER))
  }
}

describe('in any zone, range and interval', () => {
  const ranges = fc.record({
    zone: fc.constantFrom(...zones),
    name: fc.constantFrom('15min', 'hour', 'day', 'week', 'month'),
    start: fc.integer({
      min: at('2023-01-01T00:00:00Z') / QUARTER,
      max: at('2027-12-01T00:00:00Z') / QUARTER,
    }),
    length: fc.integer({ min: 1, max: 9 * 96 }),
    shift: fc.constantFrom(0, 1, 60_001),
  })

  test('the intervals are the range, without gap or overlap, cut where the label on the wall changes', () => {
    fc.assert(
      fc.property(ranges, ({ zone, name, start: quarter, length, shift }) => {
        const range = {
          start: quarter * QUARTER + shift,
          end: (quarter + length) * QUARTER + shift,
        }
        const intervals = intervalsOf(range, name, zone, 5_000) ?? []
        const starts: number[] = []
        let label = ''
        for (
          let time = range.start;
          time < range.end;
          time = (Math.floor(time / QUARTER) + 1) * QUARTER
        ) {
          const next = labelOf(time, name, zone)
          if (next !== label) starts.push(time)
          label = next
        }
        expect(intervals.map(({ start }) => start)).toEqual(starts)
        expect(intervals.map(({ end }) => end)).toEqual([...starts.slice(1), range.end])
      }),
      { numRuns: 300 },
    )
  })

  test('more than the limit are not made', () => {
    const range = { start: 0, end: 10 * DAY }
    expect(intervalsOf(range, 'day', 'UTC', 10)).toHaveLength(10)
    expect(intervalsOf(range, 'day', 'UTC', 9)).toBeUndefined()
  })
})
