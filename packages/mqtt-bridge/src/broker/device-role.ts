import { upTopicsOf } from './topics.ts'

/** A command of Mosquitto's dynamic security, as it goes over `$CONTROL/dynamic-security/v1`. */
export type SecurityCommand = { command: string } & Record<string, unknown>

interface Acl {
  acltype: 'publishClientSend' | 'publishClientReceive' | 'subscribePattern'
  topic: string
  allow: boolean
  priority?: number
}

const roleOf = (device: string): string => `device-${device}`

/** All a device may do. Mosquitto 2.0 knows no `%u` in these lists, so that each device has a role of its own. */
export function deviceAcls(device: string): Acl[] {
  const own = `v1/devices/${device}/#`
  const shadow = `$aws/things/${device}/shadow/#`
  return [
    ...[...upTopicsOf(device), shadow].map(
      (topic): Acl => ({ acltype: 'publishClientSend', topic, allow: true }),
    ),
    ...[own, shadow].flatMap((topic): Acl[] => [
      { acltype: 'subscribePattern', topic, allow: true },
      { acltype: 'publishClientReceive', topic, allow: true },
    ]),
    // A member of a shared subscription takes messages away from the others. Nothing allows one; this says so twice.
    { acltype: 'subscribePattern', topic: '$share/#', allow: false, priority: 10 },
  ]
}

/**
 * Makes the broker know a device and its password, whatever it knew before: each `create…` may answer that it exists,
 * and what follows it brings an older state to the wanted one. Who is connected with another password is cut off.
 */
export function setCommands(device: string, password: string): SecurityCommand[] {
  const rolename = roleOf(device)
  const acls = deviceAcls(device)
  return [
    { command: 'createRole', rolename, acls },
    { command: 'modifyRole', rolename, acls },
    { command: 'createClient', username: device, password, roles: [{ rolename }] },
    { command: 'modifyClient', username: device, password, roles: [{ rolename }] },
    { command: 'enableClient', username: device },
  ]
}

/** Makes the broker forget a device; its connections end. */
export function removeCommands(device: string): SecurityCommand[] {
  return [
    { command: 'deleteClient', username: device },
    { command: 'deleteRole', rolename: roleOf(device) },
  ]
}

/** Answers that mean no more than that the wanted state stands already. */
export const isHarmless = (command: string, error: string): boolean =>
  (command.startsWith('create') && /already exists/i.test(error)) ||
  (command.startsWith('delete') && /not found/i.test(error))
