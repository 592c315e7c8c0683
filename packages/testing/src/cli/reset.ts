import { existsSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { holderOf } from '../launcher/held.ts'
import { isDataFolder } from './data-folder.ts'
import { readSettings } from './settings.ts'
import { fail, say } from './terminal.ts'

/** `npm run reset`: removes the data folder of a stopped system. */
const read = readSettings(process.env)
if (!read.ok) fail(read.reason)
const { dataDir } = read.settings

if (!existsSync(dataDir)) {
  say(`${dataDir} is empty already.`)
  process.exit(0)
}
const holder = holderOf(dataDir)
if (holder !== undefined) {
  fail(`${dataDir} is used by a running system (process ${holder.pid}): stop it first`)
}
if (!isDataFolder(resolve(dataDir))) {
  fail(`${dataDir} does not look like a data folder of Menagerie: remove it by hand if you mean it`)
}
rmSync(dataDir, { recursive: true, maxRetries: 5 })
say(`${dataDir} was removed.`)
