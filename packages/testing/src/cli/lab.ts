import { runLab } from '@menagerie/lab/cli'

/** `npm run lab -- devices --count 100`: the world outside, acting on a running system. */
process.exitCode = await runLab(process.argv.slice(2))
