import type { Session } from '@menagerie/client'
import { devices } from '@menagerie/contracts/routes'
import type { RunningSystem } from '../../../src/launcher/system.ts'
import type { MqttLogin } from '../../../src/mqtt-programs.ts'

/** Registers a device. @returns what it signs in to the broker with */
export async function ownDevice(
  system: RunningSystem,
  owner: Session,
  id: string,
): Promise<MqttLogin> {
  if (system.mqtt === undefined) throw new Error('the system has no broker')
  const { url, protocolVersion } = system.mqtt
  await owner.client.call(devices.create, { body: { id } })
  const { data } = await owner.client.call(devices.credentials, { params: { id } })
  return { url, protocolVersion, username: data.username, password: data.password }
}
