import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ApiError, type Client, createSession } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { withSecondFactor } from '@menagerie/lab/authenticator'
import type { DemoUser } from './demo-users.ts'

/** A device that belongs to the demo admin, with what it signs in to the broker with. */
export interface DemoDevice {
  id: string
  username: string
  password: string
}

interface Kept extends DemoDevice {
  /** The broker that knows the password. */
  broker: string
}

const ID = 'demo-device'

/**
 * The demo device of a data folder: registered at the first start, its password kept beside the demo users'. A folder
 * that is started with another kind of broker gets a new password, since that broker knows none.
 *
 * @param broker what distinguishes the broker's own memory, such as `mosquitto`
 */
export async function ensureDemoDevice(
  system: { url: string; dataDir: string; users: readonly DemoUser[] },
  broker: string,
): Promise<DemoDevice | undefined> {
  const path = join(system.dataDir, 'demo-device.json')
  if (existsSync(path)) {
    const { broker: known, ...device }: Kept = JSON.parse(readFileSync(path, 'utf8'))
    if (known === broker) return device
  }
  const admin = system.users.find(({ role }) => role === 'admin')
  if (admin?.totpSecret === undefined) return undefined
  const { username, password, totpSecret } = admin
  const session = createSession({ baseUrl: system.url })
  await session.signIn({ username, password })
  try {
    await register(session.client)
    const { data } = await withSecondFactor(session, totpSecret, () =>
      session.client.call(devices.credentials, { params: { id: ID } }),
    )
    const device = { id: ID, username: data.username, password: data.password }
    const kept: Kept = { ...device, broker }
    writeFileSync(path, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600 })
    return device
  } finally {
    await session.signOut()
  }
}

/** One that was registered at an earlier start is there already; an idempotency key would forget it after a day. */
async function register(client: Client): Promise<void> {
  try {
    await client.call(devices.create, { body: { id: ID, name: 'Demo device' } })
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 'conflict')) throw error
  }
}
