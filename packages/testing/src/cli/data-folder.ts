import { readdirSync } from 'node:fs'

/** What the launcher leaves in a data folder; `DATA_DIR` may point anywhere, and a reset removes all of it. */
const OURS = ['secrets.json', 'menagerie.log', 'config', 'state']

/** Whether a folder was made by the launcher, or is empty. */
export function isDataFolder(path: string): boolean {
  const names = readdirSync(path)
  return names.length === 0 || OURS.some((name) => names.includes(name))
}
