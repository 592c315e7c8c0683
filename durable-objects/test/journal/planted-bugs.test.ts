import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MemoryStorage } from '../../src/journal/memory-storage.ts'
import type { JournalStorage, SqlRow, SqlValue } from '../../src/journal/types.ts'
import { histories, live } from './histories.ts'
import { Broken, type Variation } from './world-types.ts'

/** Whether the checks find a bug: some history breaks a promise. Any other failure is the test's own. */
async function finds(bug: Variation): Promise<boolean> {
  const checked = await fc.check(
    fc.asyncProperty(histories, async (ops) => void (await live(ops, bug))),
    { numRuns: 200, seed: 42, endOnFailure: true },
  )
  if (checked.failed && !(checked.errorInstance instanceof Broken)) throw checked.errorInstance
  return checked.failed
}

const through = (storage: MemoryStorage): JournalStorage => ({
  exec: (sql, ...bindings) => storage.exec(sql, ...bindings),
  transaction: (work) => storage.transaction(work),
  getAlarm: () => storage.getAlarm(),
  setAlarm: (at) => storage.setAlarm(at),
  deleteAlarm: () => storage.deleteAlarm(),
})

const deletedBeforeSend: Variation = {
  destination: (storage, destination) => ({
    ...destination,
    send: async (rows) => {
      for (const row of rows) storage.exec('DELETE FROM outbox WHERE id = ?', row.id)
      await destination.send(rows)
    },
  }),
}

const writtenOutsideTheTransaction: Variation = {
  storage: (storage) => {
    let late: (() => void)[] = []
    return {
      ...through(storage),
      exec: <T extends SqlRow>(sql: string, ...bindings: SqlValue[]): T[] => {
        if (!sql.includes('INSERT INTO outbox')) return storage.exec<T>(sql, ...bindings)
        late.push(() => storage.exec(sql, ...bindings))
        return []
      },
      transaction: (work) => {
        late = []
        const result = storage.transaction(work)
        for (const write of late) write()
        return result
      },
    }
  },
}

/** An input is remembered by its events alone: one that made none is forgotten. */
const dedupedByEvent: Variation = {
  storage: (storage) => ({
    ...through(storage),
    exec: <T extends SqlRow>(sql: string, ...bindings: SqlValue[]): T[] =>
      sql.includes('INSERT INTO inputs') && bindings[2] === 0
        ? []
        : storage.exec<T>(sql, ...bindings),
  }),
}

/** No input is remembered at all. */
const notDeduped: Variation = {
  storage: (storage) => ({
    ...through(storage),
    exec: <T extends SqlRow>(sql: string, ...bindings: SqlValue[]): T[] =>
      sql.includes('INSERT INTO inputs')
        ? storage.exec<T>(sql.replace('INSERT', 'INSERT OR REPLACE'), ...bindings)
        : sql.includes('FROM inputs WHERE key')
          ? []
          : storage.exec<T>(sql, ...bindings),
  }),
}

const acknowledgedBeforeCommit: Variation = {
  ask: (world, core, input, decide) => {
    const known = core.storage.exec('SELECT 1 FROM inputs WHERE key LIKE ?', `%"${input.id}"]`)
    if (known.length > 0) return core.apply(input, decide)
    const { outcome } = decide(core.state ?? { decided: 0 }, 0)
    world.deferred.push(() => void core.apply(input, decide))
    world.storage.point('after early answer')
    return { ok: true, value: { outcome, replayed: false, firstSeq: 0, lastSeq: 0 } }
  },
}

const neighboursOff: Variation = {
  clientsRetry: false,
  receiversDropKnownIds: false,
}

describe('planted bugs are found', () => {
  it('nothing is found where nothing was planted', async () => {
    expect(await finds({})).toBe(false)
    expect(await finds({ ...neighboursOff, randomMessageIds: true })).toBe(false)
  })

  it('an outbox row deleted before it was sent', async () => {
    expect(await finds(deletedBeforeSend)).toBe(true)
    expect(await finds({ ...deletedBeforeSend, ...neighboursOff })).toBe(true)
  })

  it('an outbox row written outside the transaction', async () => {
    expect(await finds(writtenOutsideTheTransaction)).toBe(true)
    expect(await finds({ ...writtenOutsideTheTransaction, ...neighboursOff })).toBe(true)
  })

  it('repeats told by events instead of by inputs', async () => {
    expect(await finds(dedupedByEvent)).toBe(true)
    expect(await finds({ ...dedupedByEvent, ...neighboursOff })).toBe(true)
  })

  it('repeats not told at all', async () => {
    expect(await finds(notDeduped)).toBe(true)
    expect(await finds({ ...notDeduped, ...neighboursOff, randomMessageIds: true })).toBe(true)
  })

  it('an answer before the commit', async () => {
    expect(await finds({ ...acknowledgedBeforeCommit, ...neighboursOff })).toBe(true)
  })
})
