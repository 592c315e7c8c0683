/**
 * Brings the databases of a stopped system up to date and seeds them: `prepare-program.ts <dataDir> <seed|no-seed>
 * <config.json> …`. A program of its own, under a supervisor, since the workerd it starts would outlive a killed
 * launcher.
 */

import { withDatabases } from './databases.ts'
import { ensureDemoUsers } from './demo-users.ts'
import { readConfigs } from './read-configs.ts'
import { keptSecrets } from './secrets.ts'

const [dataDir = '', seed, ...configPaths] = process.argv.slice(2)
const configs = readConfigs(configPaths)

await withDatabases(dataDir, configs, async (open) => {
  if (seed !== 'seed') return
  const { ACCOUNTS_DATABASE, seedUsers } = await import('./seed.ts')
  const database = open(ACCOUNTS_DATABASE)
  if (database === undefined) return
  const { KEY_ENCRYPTION_KEY } = keptSecrets(dataDir)
  await seedUsers(database, ensureDemoUsers(dataDir), Date.now(), KEY_ENCRYPTION_KEY)
})
