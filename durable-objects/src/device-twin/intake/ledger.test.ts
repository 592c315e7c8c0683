import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../../journal/memory-storage.ts'
import { createTwinTables } from '../twin-schema.ts'
import { Ledger } from './ledger.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const now = Date.parse('2026-11-21T10:00:00Z')

function aLedger() {
  const storage = new MemoryStorage()
  const exec: MemoryStorage['exec'] = (sql, ...bindings) => storage.exec(sql, ...bindings)
  createTwinTables(exec)
  const count = (table: string) => exec<{ n: number }>(`SELECT count(*) AS n FROM ${table}`)[0]?.n
  return { exec, ledger: new Ledger(exec), count }
}

const many = (table: string, columns: string, at: number, n: number) =>
  `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ${n})
   INSERT INTO ${table} (${columns}) SELECT 'old-' || n, ${at}${table === 'rejections' ? ", '', ''" : ''} FROM c`

describe('ids of events', () => {
  it('are kept for a day, and beyond it the last 1,000', () => {
    const { exec, ledger, count } = aLedger()
    exec(many('event_ids', 'id, at', now - DAY_MS, 1_500))
    ledger.saveEvents(['at the end of the day'], now)
    expect(count('event_ids')).toBe(1_501)
    for (let n = 0; n < 10; n++) ledger.saveEvents([`later ${n}`], now + 1)
    expect(count('event_ids')).toBe(1_000)
    expect([ledger.hasEvent('old-511'), ledger.hasEvent('old-512')]).toEqual([false, true])
  })

  it('and rejections are at most 100,000 in a day: no device fills its object with them', () => {
    const { exec, ledger, count } = aLedger()
    exec(many('event_ids', 'id, at', now, 100_000))
    exec(many('rejections', 'id, at, code, detail', now, 100_000))
    for (let n = 0; n < 3; n++) {
      ledger.saveEvents([`a ${n}`, `b ${n}`], now)
      ledger.saveRejections(new Map([[`${n}`, { code: 'too_deep', detail: '' }]]), now)
    }
    expect([count('event_ids'), count('rejections')]).toEqual([100_000, 100_000])
    expect([ledger.hasEvent('old-6'), ledger.hasEvent('old-7')]).toEqual([false, true])
  })
})
