import { runProof } from '../proof/run-proof.ts'
import { onEnd } from './lifetime.ts'
import { say } from './terminal.ts'

/** `npm run proof [-- --quick]`: whether nothing is lost, whatever is killed. */
const stop = new AbortController()
onEnd(() => stop.abort())
// A run that was left in the middle would go on waiting for what is gone.
process.exit(await runProof(process.argv.slice(2), say, stop.signal))
