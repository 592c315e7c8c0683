import { buildBridge } from '@menagerie/mqtt-bridge/build'

/** The bridge keeps nothing for long: without these the collector lets it grow to several times what it needs. */
const MEMORY_FLAGS = ['--max-old-space-size=96', '--max-semi-space-size=4']

/**
 * Builds the bridge as it is deployed.
 *
 * @param folder for the file
 * @returns Node's arguments that run it
 */
export function bridgeCommand(folder: string): string[] {
  return [...MEMORY_FLAGS, buildBridge(folder)]
}
