import { join } from 'node:path'
import { repositoryRoot } from '../paths.ts'
import { runProgram } from './run-program.ts'

/** `npm run fix`: formats, and repairs what the linter can repair by itself. */
const biome = join(repositoryRoot, 'node_modules/@biomejs/biome/bin/biome')
process.exitCode = await runProgram(process.execPath, [biome, 'check', '--write', '.'])
