import { describe, expect, it } from 'vitest'
import { MemoryStorage } from '../journal/memory-storage.ts'
import { Rows } from './rows.ts'

const fresh = () => {
  const storage = new MemoryStorage()
  const rows = new Rows((sql, ...bindings) => storage.exec(sql, ...bindings))
  const tables = () => storage.exec(`SELECT name FROM sqlite_master WHERE name = 'rows'`).length
  return { rows, tables }
}
const code = { model: 'AuthorizationCode', id: 'a', payload: '{"x":1}', expiresAt: 100 }

describe('rows of the engine', () => {
  it('leave no trace of what was only asked for', () => {
    const { rows, tables } = fresh()
    expect(rows.find('Grant', '', 0)).toBeUndefined()
    expect(rows.consume('Grant', '', 0)).toBe('unknown')
    rows.remove('Grant', '')
    expect([rows.list('Grant', 0), rows.sweep(0), tables()]).toEqual([[], undefined, 0])
  })

  it('are used up by the first alone, also when their payload is replaced (S35)', () => {
    const { rows } = fresh()
    rows.put(code, 0)
    const asked = Array.from({ length: 50 }, () => rows.consume(code.model, code.id, 1))
    expect(asked.filter((answer) => answer === 'consumed')).toHaveLength(1)
    rows.put({ ...code, payload: '{"x":2}' }, 2)
    expect(rows.find(code.model, code.id, 2)).toEqual({ payload: '{"x":2}', consumedAt: 1 })
    expect(rows.consume(code.model, code.id, 3)).toBe('again')
  })

  it('are gone when they expire, swept or not', () => {
    const { rows } = fresh()
    rows.put(code, 0)
    rows.put({ ...code, id: 'b', expiresAt: 200 }, 0)
    expect(rows.find(code.model, 'a', 100)).toBeUndefined()
    expect(rows.consume(code.model, 'a', 100)).toBe('unknown')
    expect([rows.sweep(100), rows.list(code.model, 100).length]).toEqual([200, 1])
    expect(rows.sweep(200)).toBeUndefined()
  })

  it('take nothing more once their grant has ended, and still know what was used (S33)', () => {
    const { rows } = fresh()
    rows.put(code, 0)
    rows.consume(code.model, code.id, 1)
    rows.put({ ...code, model: 'Grant' }, 1)
    rows.end(90)
    expect(rows.put({ ...code, model: 'SignIn', id: '' }, 2)).toBe('ended')
    expect(rows.find('Grant', 'a', 2)).toBeUndefined()
    expect(rows.consume(code.model, code.id, 2)).toBe('again')
  })

  it('can be kept again after the object has forgotten itself', () => {
    const { rows } = fresh()
    rows.forget()
    expect(rows.put(code, 0)).toBe('kept')
  })
})
