import { join } from 'node:path'
import { repositoryRoot } from '../paths.ts'
import { runProgram } from './run-program.ts'

/** `npm run compodoc`: the API documentation of every package, in docs/api. */
const typedoc = join(repositoryRoot, 'node_modules/typedoc/bin/typedoc')
process.exitCode = await runProgram(process.execPath, [typedoc, ...process.argv.slice(2)])
