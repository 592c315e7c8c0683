import type { JournalStorage, SqlRow } from './types.ts'

/**
 * A Durable Object's own SQLite and alarm.
 *
 * @param now the journal's clock; the platform's alarm runs by the system's, so times are moved by their difference
 */
export function durableObjectStorage(
  storage: DurableObjectStorage,
  now: () => number,
): JournalStorage {
  const ahead = () => now() - Date.now()
  return {
    exec: <T extends SqlRow>(sql: string, ...bindings: (string | number | null | ArrayBuffer)[]) =>
      storage.sql.exec<T>(sql, ...bindings).toArray(),
    transaction: (work) => storage.transactionSync(work),
    getAlarm: async () => {
      const at = await storage.getAlarm()
      return at === null ? null : at + ahead()
    },
    setAlarm: (at) => storage.setAlarm(Math.max(Date.now(), at - ahead())),
    deleteAlarm: () => storage.deleteAlarm(),
  }
}
