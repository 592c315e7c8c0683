/** The bridge as a program: settings from the environment, lines of JSON on standard output, SIGTERM ends it in peace. */
import { Logger } from '@menagerie/core/logger'
import { startBridge } from './bridge.ts'
import { readSettings, SettingsError } from './settings.ts'

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
