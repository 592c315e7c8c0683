import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { parseStrictly } from '../../test/metrics-hub/strict-parser.ts'
import type { GaugeReading, SeriesDelta } from './delta.ts'
import { MAX_LABEL_SETS } from './labels.ts'
import { addDelta, type Exec, families, hasTables, migrate, noteFlush } from './tables.ts'
import { renderText } from './text-format.ts'

/** The same SQL on Node's own SQLite. */
function open(made = true) {
  const db = new DatabaseSync(':memory:')
  const exec: Exec = (sql, ...bindings) => db.prepare(sql).all(...bindings) as never
  if (made) migrate(exec)
  const add = (...deltas: SeriesDelta[]) => {
    for (const delta of deltas) addDelta(exec, delta)
  }
  const read = (gauges: GaugeReading[] = []) => parseStrictly(renderText(families(exec, gauges)))
  const values = (name: string, gauges?: GaugeReading[]) =>
    read(gauges)
      .get(name)
      ?.samples.map(({ labels, value }) => [...Object.values(labels), value])
  return { exec, add, read, values }
}
const signIns = (result: string, value: number): SeriesDelta => ({
  kind: 'sum',
  name: 'sign_ins_total',
  labels: { result },
  value,
})
const sockets = (value: number): SeriesDelta => ({
  kind: 'sum',
  name: 'websocket_connections',
  labels: { service: 'communications' },
  value,
})

test('before anything was recorded a scrape shows the gauges and writes nothing', () => {
  const { exec, read } = open(false)
  const info: GaugeReading = { name: 'build_info', labels: { version: '0.1.0' }, value: 1 }
  expect([...read([info]).keys()]).toEqual(['build_info'])
  expect(hasTables(exec)).toBe(false)
})

test('migrating twice changes nothing', () => {
  const { exec, add, values } = open()
  add(signIns('ok', 1))
  migrate(exec)
  expect(values('sign_ins_total')).toEqual([['ok', 1]])
})

test('counters add up and never go down', () => {
  const { add, values } = open()
  add(signIns('ok', 2), signIns('refused', 1), signIns('ok', 3))
  add(signIns('ok', -4), signIns('ok', Number.NaN), signIns('ok', Number.POSITIVE_INFINITY))
  expect(values('sign_ins_total')).toEqual([
    ['ok', 5],
    ['refused', 1],
  ])
})

test('a gauge kept as a sum is never shown below 0, and a late increment still counts', () => {
  const { add, values } = open()
  add(sockets(-1))
  expect(values('websocket_connections')).toEqual([['communications', 0]])
  add(sockets(1), sockets(2))
  expect(values('websocket_connections')).toEqual([['communications', 2]])
})

test("the owner's reading of a gauge stands before the sum; what is no gauge or no number is left out", () => {
  const { add, values } = open()
  add(sockets(5))
  const reading = (labels: Record<string, string>, value: number): GaugeReading => ({
    name: 'websocket_connections',
    labels,
    value,
  })
  const gauges = [
    reading({ service: 'communications' }, 7),
    reading({ service: 'gateway' }, Number.NaN),
    reading({}, 3),
    { name: 'sign_ins_total', labels: { result: 'ok' }, value: 9 } as const,
    { name: 'made_up', labels: {}, value: 9 } as unknown as GaugeReading,
  ]
  expect(values('websocket_connections', gauges)).toEqual([['communications', 7]])
  expect(values('sign_ins_total', gauges)).toBeUndefined()
})

test('a histogram shows every declared bucket, cumulatively', () => {
  const { add, read } = open()
  const delta: SeriesDelta = {
    kind: 'histogram',
    name: 'call_duration_seconds',
    labels: { direction: 'outbound' },
    sum: 4000,
    count: 3,
    buckets: [[15, 2]],
  }
  add(delta, delta)
  const samples = read().get('call_duration_seconds')?.samples ?? []
  const bucket = (le: string) => samples.find(({ labels }) => labels.le === le)?.value
  expect([bucket('5'), bucket('15'), bucket('3600'), bucket('+Inf')]).toEqual([0, 4, 4, 6])
  expect(samples.slice(-2).map(({ value }) => value)).toEqual([8000, 6])
})

test('a delta of a kind that its series does not have is left out', () => {
  const { add, read } = open()
  add({ ...signIns('ok', 1), name: 'call_duration_seconds' })
  add({ kind: 'histogram', name: 'sign_ins_total', labels: {}, sum: 1, count: 1, buckets: [] })
  add({ ...signIns('ok', 1), name: 'constructor' as 'sign_ins_total' })
  expect(read().size).toBe(0)
})

test('past the limit new label sets are counted under other, and known ones go on', () => {
  const { add, values } = open()
  for (let n = 0; n < MAX_LABEL_SETS + 50; n++) add(signIns(`r${n}`, 1))
  add(signIns('r3', 1))
  const found = values('sign_ins_total') ?? []
  expect(found).toHaveLength(MAX_LABEL_SETS + 1)
  expect(found).toContainEqual(['other', 50])
  expect(found).toContainEqual(['r3', 2])
})

test('a flush is noted once, and forgotten an hour later', () => {
  const { exec } = open()
  expect(noteFlush(exec, 'f1', 0)).toBe(true)
  expect(noteFlush(exec, 'f1', 3_600_000)).toBe(false)
  expect(noteFlush(exec, 'f2', 3_600_001)).toBe(true)
  expect(exec('SELECT id FROM flushes')).toHaveLength(1)
})
