import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import { withSecondFactor } from '@menagerie/lab/authenticator'
import type { RunningSystem } from '../../../src/launcher/system.ts'
import type { MqttLogin } from '../../../src/mqtt-programs.ts'
import { demoUser } from './identity.ts'

/** Registers a device of the demo admin's. @returns what it signs in to the broker with */
export async function ownDevice(
  system: RunningSystem,
  owner: Session,
  id: string,
): Promise<MqttLogin> {
  if (system.mqtt === undefined) throw new Error('the system has no broker')
  const { url, protocolVersion } = system.mqtt
  await owner.client.call(devices.create, { body: { id } })
  const { username, password } = await newPassword(system, owner, id)
  return { url, protocolVersion, username, password }
}

/** Another password for a device of the demo admin's. */
export async function newPassword(
  system: RunningSystem,
  owner: Session,
  id: string,
  overlapSeconds = 0,
) {
  const { totpSecret = '' } = demoUser(system, 'admin')
  const { data } = await withSecondFactor(owner, totpSecret, () =>
    owner.client.call(devices.credentials, { params: { id }, body: { overlapSeconds } }),
  )
  return data
}
