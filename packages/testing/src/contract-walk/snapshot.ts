import type { HarnessSystem } from '../harness/harness-system.ts'

/** What is stored, to be compared with itself later: rows of every D1 table, events of every object. */
export type Snapshot = Record<string, string[]>

const databases = [
  'accounts',
  'communications',
  'devices',
  'notifications',
  'reports',
  'admin',
] as const
const objects = [
  ['accounts', 'UserSessions'],
  ['communications', 'CallRoom'],
  ['communications', 'ContactQueue'],
  ['communications', 'AgentDesk'],
  ['communications', 'Conversation'],
  ['devices', 'DeviceTwin'],
  ['notifications', 'Mailbox'],
] as const

/** Outbox rows only change their state when they are sent; which ones there are is what counts. */
const columns = (table: string) => (table === 'outbox' ? 'id' : '*')

/** Takes a snapshot of every D1 table and of every object's journal. */
export async function snapshot(system: HarnessSystem): Promise<Snapshot> {
  const taken: Snapshot = {}
  for (const role of databases) {
    const db = await system.database(role)
    const { results } = await db
      .prepare(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'",
      )
      .all<{ name: string }>()
    for (const { name } of results) {
      const rows = await db.prepare(`SELECT ${columns(name)} FROM "${name}"`).all()
      taken[`${role}.${name}`] = rows.results.map((row) => JSON.stringify(row)).sort()
    }
  }
  for (const [role, className] of objects) {
    for (const id of await system.listObjects(role, className)) {
      const storage = await system.storage({ role, className, id })
      const events = await storage.exec("SELECT name FROM sqlite_master WHERE name = 'events'")
      // The runtime makes an empty file for an object that was only asked; nothing was written into it.
      if (!Array.isArray(events) || events.length === 0) continue
      const rows = (await storage.exec(
        'SELECT seq, id, data FROM events ORDER BY seq',
      )) as unknown[]
      taken[`${className}.${id}`] = rows.map((row) => JSON.stringify(row))
    }
  }
  return taken
}
