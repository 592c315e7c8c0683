import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { typeScriptFlags } from '../node-flags.ts'
import { repositoryRoot } from '../paths.ts'
import { runProgram } from './run-program.ts'
import { fail } from './terminal.ts'

/** `npm run bench`: the measurements of packages/bench. */
const entry = join(repositoryRoot, 'packages/bench/src/index.ts')
if (!existsSync(entry)) fail('packages/bench/src/index.ts is missing')
process.exitCode = await runProgram(process.execPath, [
  ...typeScriptFlags(),
  entry,
  ...process.argv.slice(2),
])
