import { fileURLToPath } from 'node:url'
import type { D1Database } from '@cloudflare/workers-types'
import { newId } from '@menagerie/core/ids'
import { temporaryFolder } from '@menagerie/testing'
import { applyMigrations, readMigrations, repositoryRoot } from '@menagerie/testing/local'
import { runBuilt } from '../runtime.ts'

const NAME = 'quick-desks'

const config = {
  name: NAME,
  main: fileURLToPath(new URL('../peers/quick-desks.ts', import.meta.url)),
  compatibility_date: '2026-11-01',
  compatibility_flags: ['nodejs_compat'],
  durable_objects: {
    bindings: [
      { name: 'CONTACT_QUEUE', class_name: 'ContactQueue' },
      { name: 'AGENT_DESK', class_name: 'QuickDesk' },
    ],
  },
  migrations: [{ tag: 'v1', new_sqlite_classes: ['ContactQueue', 'QuickDesk'] }],
  d1_databases: [
    { binding: 'DB', database_name: 'bench', database_id: 'bench', migrations_dir: 'migrations' },
  ],
  queues: {
    producers: [
      { binding: 'HISTORY_QUEUE', queue: 'bench-history' },
      { binding: 'RULES_QUEUE', queue: 'bench-rules' },
    ],
  },
  vars: { BOOT_ID: 'bench' },
}

/**
 * What a ContactQueue does by itself, in workerd: offers, reservations, what desks answer, and its messages. The desks
 * are stand-ins that accept at once.
 *
 * @param counts of contacts, one run after the other in one queue; the first warms up as well
 * @returns contacts per second of each run
 */
export async function queueAlone(agents: number, counts: readonly number[]): Promise<number[]> {
  const folder = await temporaryFolder('bench-queue')
  const { runtime } = await runBuilt(folder.path, [config], {})
  try {
    const database = (await runtime.getD1Database('DB', NAME)) as unknown as D1Database
    const migrations = readMigrations(`${repositoryRoot}/workers/communications/migrations`)
    await applyMigrations(database, migrations)
    const driver = await runtime.getWorker(NAME)
    const queueId = newId()
    const rates: number[] = []
    for (const contacts of counts) {
      const began = performance.now()
      const body = JSON.stringify({ queueId, agents, contacts })
      const done = await driver.fetch('http://driver/', { method: 'POST', body })
      if (!done.ok) throw new Error(`the driver answered ${done.status}`)
      rates.push((contacts * 1000) / (performance.now() - began))
    }
    return rates
  } finally {
    await runtime.dispose()
    await folder.remove()
  }
}
