import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundle, sizeTable } from '../checks/bundles.ts'
import { capture } from '../checks/capture.ts'
import { checkDoorsClosed } from '../checks/doors-closed.ts'
import { checkImportDirection } from '../checks/import-direction.ts'
import { checkMarkdownLinks } from '../checks/markdown-links.ts'
import { checkMigrations } from '../checks/migrations.ts'
import { repositoryFiles } from '../checks/repository-files.ts'
import type { Problem } from '../checks/source-file.ts'
import { checkLockfile, checkMachinePaths } from '../checks/tracked-text.ts'
import { twoAtOnce } from '../checks/two-at-once.ts'
import { checkTypes } from '../checks/types.ts'
import {
  checkDatabaseOwnership,
  checkPublicWorkers,
  checkQueueConsumers,
} from '../checks/wrangler-rules.ts'
import { readWorkers } from '../launcher/worker-config.ts'
import { repositoryRoot as root } from '../paths.ts'
import { onEnd } from './lifetime.ts'
import { say, seconds } from './terminal.ts'

/** `npm run check [-- step …]`: everything that can be said about the code without running it. */
interface Step {
  name: string
  run: () => Promise<Problem[]> | Problem[]
}

onEnd(() => process.exit(130))
const files = repositoryFiles(root)
const workers = readWorkers(root)

const steps: Step[] = [
  { name: 'types', run: () => checkTypes(root) },
  { name: 'lint', run: lint },
  { name: 'imports', run: () => checkImportDirection(files) },
  { name: 'databases', run: () => checkDatabaseOwnership(workers) },
  { name: 'public', run: () => checkPublicWorkers(workers) },
  { name: 'queues', run: () => checkQueueConsumers(workers) },
  { name: 'migrations', run: () => checkMigrations(files) },
  { name: 'lockfile', run: () => named('pnpm-lock.yaml').flatMap(checkLockfile) },
  { name: 'paths', run: () => checkMachinePaths(files) },
  { name: 'links', run: () => checkMarkdownLinks(files, (path) => existsSync(join(root, path))) },
  { name: 'bundles', run: buildAll },
]

const wanted = process.argv.slice(2)
let failed = false
for (const { name, run } of steps) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const began = performance.now()
  const problems = await run()
  failed ||= problems.length > 0
  const verdict = problems.length === 0 ? 'ok' : `${problems.length} wrong`
  say(`${name.padEnd(12)} ${verdict.padEnd(10)} ${seconds(performance.now() - began)}`)
  for (const problem of problems) say(`    ${problem}`)
}
process.exit(failed ? 1 : 0)

async function lint(): Promise<Problem[]> {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const { code, output } = await capture(
    process.execPath,
    [biome, 'ci', '--colors=off', '--max-diagnostics=50', '.'],
    { cwd: root },
  )
  return code === 0 ? [] : [output.trim()]
}

async function buildAll(): Promise<Problem[]> {
  const bundles = await twoAtOnce(workers, (worker) => bundle(root, worker))
  say(sizeTable(bundles))
  return [
    ...bundles.flatMap(({ role, error }) => (error === undefined ? [] : [`${role}: ${error}`])),
    ...checkDoorsClosed(
      workers,
      bundles.flatMap((built) => built.files),
    ),
  ]
}

function named(path: string) {
  return files.filter((file) => file.path === path)
}
