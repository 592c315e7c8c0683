/** The bridge as a program: settings from the environment, lines of JSON on standard output, SIGTERM ends it in peace. */
import { getHeapStatistics } from 'node:v8'
import { Logger } from '@menagerie/core/logger'
import { startBridge } from './bridge.ts'
import { readSettings, SettingsError } from './settings.ts'

/** With `--max-old-space-size=96` it is 113 MB. */
const MOST_HEAP_BYTES = 256_000_000
/** A drain that hangs must not outlast what a supervisor waits. */
const MOST_STOP_MS = 5_000

function settingsOrExit() {
  try {
    return readSettings(process.env)
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error
    process.stderr.write(`mqtt-bridge: ${error.message}\n`)
    process.exit(1)
  }
}

const settings = settingsOrExit()
const logger = new Logger({ service: 'mqtt-bridge', level: settings.logLevel })
// One of mqtt.js's, about how it reads addresses; its line is no JSON.
process.noDeprecation = true
// Set from in here such flags change nothing any more.
if (getHeapStatistics().heap_size_limit > MOST_HEAP_BYTES)
  logger.warn(
    'memory may grow to several times what the bridge needs: give Node --max-old-space-size=96 --max-semi-space-size=4',
  )
const bridge = await startBridge(settings, { logger }).catch((error: unknown) => {
  logger.error('the bridge could not start', { error })
  process.exit(1)
})

const stop = () => {
  setTimeout(() => process.exit(0), MOST_STOP_MS - 200).unref()
  void bridge.stop().finally(() => process.exit(0))
}
process.once('SIGTERM', stop)
process.once('SIGINT', stop)
