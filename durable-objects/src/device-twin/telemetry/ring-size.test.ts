import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { SqlRow } from '../../journal/types.ts'
import { MAX_RING_BYTES, trimRings } from './ring-size.ts'

const MIB = 1024 * 1024
let database: DatabaseSync
const exec = <T extends SqlRow>(sql: string, ...bindings: (string | number | null)[]): T[] =>
  database.prepare(sql).all(...bindings) as T[]
const fill = (ring: string, buckets: number, from = 0) => {
  for (let start = from; start < from + buckets; start++)
    exec(`INSERT INTO ${ring} VALUES ('s', ?, 1, ?)`, start, 'x'.repeat(MIB))
}
const starts = (ring: string) => exec(`SELECT start FROM ${ring}`).map(({ start }) => start)

beforeEach(() => {
  database = new DatabaseSync(':memory:')
  for (const ring of ['minutes', 'hours', 'days'])
    database.exec(`CREATE TABLE ${ring} (stream TEXT, start INTEGER, count INTEGER, vals TEXT)`)
})
afterEach(() => database.close())

it('drops nothing of a stream within its bound: what went by age may have been counted', () => {
  fill('minutes', 20)
  fill('hours', 12)
  expect(trimRings(exec, 's')).toBe(MAX_RING_BYTES)
  expect([starts('minutes').length, starts('hours').length]).toEqual([20, 12])
})

it('drops the older half of the largest ring beyond it', () => {
  fill('minutes', 21)
  fill('hours', 12)
  expect(trimRings(exec, 's')).toBe(22 * MIB)
  expect(starts('minutes')).toEqual([11, 12, 13, 14, 15, 16, 17, 18, 19, 20])
  expect(starts('hours').length).toBe(12)
})
