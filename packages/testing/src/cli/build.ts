import { join } from 'node:path'
import { buildBridge } from '@menagerie/mqtt-bridge/build'
import { repositoryRoot } from '../paths.ts'

/** `npm run build`: what runs outside of Workers, which Wrangler builds itself, in `dist`. */
process.stdout.write(`${buildBridge(join(repositoryRoot, 'dist/mqtt-bridge'))}\n`)
