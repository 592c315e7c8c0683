import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { System } from '../launcher/system.ts'
import { waitFor } from '../wait-for.ts'
import { Fleet } from './fleet.ts'
import { heldBy } from './held-by.ts'
import type { TwinCount } from './twin-count.ts'

export interface OneTwinCount extends TwinCount {
  /** Whether all other devices were done while the one twin failed. */
  othersDone: boolean
  /** Messages that the edge held for it. */
  held: number
}

/** Devices that trust only their twins send while the storage of one of those twins is broken. */
export async function oneTwin(
  system: System,
  options: { prefix: string; messages: number; devices: number },
): Promise<OneTwinCount> {
  const { bridge } = system.mqtt ?? {}
  if (bridge === undefined) throw new Error('the system has no bridge')
  const before = await heldBy(bridge)
  const fleet = await Fleet.start(system, { ...options, trusts: 'acks' })
  try {
    fleet.allow(0.3)
    await fleet.whenPublished(fleet.messages * 0.2)
    const [sick, ...others] = fleet.devices
    const mend = breakTwin(system.dataDir, sick?.id ?? '')
    let othersDone: boolean
    try {
      fleet.allow(1)
      othersDone = await fleet
        .whenForgotten(90_000, others)
        .then(() => true)
        .catch(() => false)
      await waitFor(async () => (await heldBy(bridge)) > before, {
        what: 'messages to be held',
        timeoutMs: 60_000,
      })
    } finally {
      mend()
    }
    await fleet.whenForgotten()
    return { ...(await fleet.count()), othersDone, held: (await heldBy(bridge)) - before }
  } finally {
    await fleet.stop()
  }
}

/** Takes a table from a twin's storage. @returns puts it back */
function breakTwin(dataDir: string, device: string): () => void {
  const path = storageOf(dataDir, device)
  const rename = (from: string, to: string) => {
    const database = new DatabaseSync(path, { timeout: 10_000 })
    try {
      database.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
    } finally {
      database.close()
    }
  }
  rename('samples', 'broken')
  return () => rename('broken', 'samples')
}

/** The file of a device's twin: the one that names it. */
function storageOf(dataDir: string, device: string): string {
  const objects = join(dataDir, 'state', 'v3', 'do')
  const names = new RegExp(`(?<![A-Za-z0-9_-])${device}(?![A-Za-z0-9_-])`)
  for (const folder of readdirSync(objects).filter((name) => name.endsWith('DeviceTwin')))
    for (const file of readdirSync(join(objects, folder))) {
      if (!/\.sqlite(?:-wal)?$/.test(file)) continue
      const path = join(objects, folder, file)
      if (names.test(readFileSync(path, 'latin1'))) return path.replace(/-wal$/, '')
    }
  throw new Error(`no twin of ${device} is stored`)
}
