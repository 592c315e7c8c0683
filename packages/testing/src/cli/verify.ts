import { runVerify } from '../verify/run-verify.ts'

/** `npm run verify -- call.json`: whether captured events are exactly those of the journal they came from. */
process.exitCode = await runVerify(process.argv.slice(2))
