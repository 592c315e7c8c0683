import type { Session } from '@menagerie/client'
import { afterAll } from 'vitest'
import { signInAs } from '../../../src/follow-call.ts'
import { freePort, launch, type System, temporaryFolder } from '../../../src/index.ts'

export interface DeviceSystem {
  system: System
  /** The demo admin, who owns the devices of the tests. */
  owner: Session
}

let running: Promise<DeviceSystem & { stop(): Promise<void> }> | undefined

/** One system with broker and bridge for every test of a file that leaves others' devices alone. */
export const deviceSystem = (): Promise<DeviceSystem> => {
  running ??= start()
  return running
}

async function start() {
  const folder = await temporaryFolder('devices')
  const system = await launch({
    dataDir: folder.path,
    port: await freePort(),
    environment: 'test',
    seed: true,
    mqtt: {},
  })
  const stop = async () => {
    await system.stop()
    await folder.remove()
  }
  return { system, owner: await signInAs(system, 'admin'), stop }
}

// Defined before whatever a file tidies up itself, so that it happens after that.
afterAll(async () => (await running)?.stop(), 30_000)
