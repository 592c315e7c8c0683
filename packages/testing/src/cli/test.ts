import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findMosquitto } from '../broker/index.ts'
import { repositoryRoot } from '../paths.ts'
import { temporaryFolder } from '../temporary-folder.ts'
import { runProgram } from './run-program.ts'
import { say } from './terminal.ts'
import { summarize } from './test-summary.ts'

/** `npm test [-- vitest's arguments]`: every project of the root's vitest.config.ts, then one plain line of numbers. */
const folder = await temporaryFolder('results')
const results = join(folder.path, 'results.json')
const vitest = join(repositoryRoot, 'node_modules/vitest/vitest.mjs')

const code = await runProgram(process.execPath, [
  vitest,
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${results}`,
  ...process.argv.slice(2),
])
const summary = summarize(readResults(results), code)
await folder.remove()
const brokers = findMosquitto()
  ? 'both brokers ran'
  : 'Mosquitto is not installed, so the embedded broker ran alone'
say(`stand-ins: the lab plays the carrier and the e-mail provider; ${brokers}; all else is real`)
say(summary.line)
process.exitCode = summary.exitCode

function readResults(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    // Vitest ended before it wrote anything; its exit code says the rest.
    return undefined
  }
}
