import { expect, test } from 'vitest'
import { FULL_AFTER_EVENTS, MetricsBuffer } from './buffer.ts'

const sample = (value: number) =>
  ({ name: 'call_duration_seconds', labels: { direction: 'inbound' }, value }) as const

test('samples of one series become one delta, whatever the order of their labels', () => {
  const buffer = new MetricsBuffer()
  buffer.add(
    [{ name: 'calls_total', labels: { direction: 'inbound', status: 'busy' }, value: 1 }],
    1,
  )
  buffer.add(
    [{ name: 'calls_total', labels: { status: 'busy', direction: 'inbound' }, value: 2 }],
    1,
  )
  expect(buffer.take('f1', 9)).toEqual({
    id: 'f1',
    at: 9,
    deltas: [
      {
        kind: 'sum',
        name: 'calls_total',
        labels: { direction: 'inbound', status: 'busy' },
        value: 3,
      },
    ],
  })
})

test('an observation falls into the lowest bucket that holds it, its bound included', () => {
  const buffer = new MetricsBuffer()
  buffer.add([0, 5, 5.1, 3600, 3601].map(sample), 5)
  expect(buffer.take('f1', 0)?.deltas).toEqual([
    {
      kind: 'histogram',
      name: 'call_duration_seconds',
      labels: { direction: 'inbound' },
      sum: 7211.1,
      count: 5,
      buckets: [
        [5, 2],
        [15, 1],
        [3600, 1],
      ],
    },
  ])
})

test('what was taken is not there again, and nothing is no flush', () => {
  const buffer = new MetricsBuffer()
  buffer.add([sample(1)], 1)
  buffer.take('f1', 0)
  expect(buffer.take('f2', 0)).toBeUndefined()
})

test('it is full after a hundred events, with or without samples', () => {
  const buffer = new MetricsBuffer()
  buffer.add([], FULL_AFTER_EVENTS - 1)
  expect(buffer.full).toBe(false)
  buffer.add([], 1)
  expect(buffer.full).toBe(true)
  buffer.take('f1', 0)
  expect(buffer.full).toBe(false)
})
