import type { Session } from '@menagerie/client'
import { afterAll } from 'vitest'
import { type HarnessSystem, startHarness } from '../../../src/index.ts'
import { steppedUpAdmin } from './identity.ts'

let system: Promise<HarnessSystem> | undefined
let admin: Promise<{ session: Session; token: string }> | undefined

/** One system for everything in a test file that leaves the demo users and their sessions as they are. */
export const sharedSystem = (): Promise<HarnessSystem> => {
  system ??= startHarness({ lab: true, seed: true })
  return system
}

/** Its admin, once: a code of the app's is taken once, and the next one comes in half a minute. */
export const sharedAdmin = () => {
  admin ??= sharedSystem().then(steppedUpAdmin)
  return admin
}

// Defined before whatever a file tidies up itself, so that it happens after that.
afterAll(async () => (await system)?.stop())
