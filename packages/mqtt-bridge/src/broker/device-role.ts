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
  const trees = [`v1/devices/${device}/#`, `$aws/things/${device}/shadow/#`]
  return [
    ...upTopicsOf(device).map(
      (topic): Acl => ({ acltype: 'publishClientSend', topic, allow: true }),
    ),
    ...trees.flatMap((topic): Acl[] => [
      { acltype: 'subscribePattern', topic, allow: true },
      { acltype: 'publishClientReceive', topic, allow: true },
    ]),
    // A member of a shared subscription takes messages away from the others. Nothing allows one; this says so twice.
    { acltype: 'subscribePattern', topic: '$share/#', allow: false, priority: 10 },
  ]
}

/**
 * Makes the broker know a password of a device, whatever it knew before: each `create…` may answer that it exists, and
 * what follows it brings an older state to the wanted one. Who is connected under that user name is cut off.
 */
export function setCommands(device: string, username: string, password: string): SecurityCommand[] {
  const rolename = roleOf(device)
  const acls = deviceAcls(device)
  return [
    { command: 'createRole', rolename, acls },
    { command: 'modifyRole', rolename, acls },
    { command: 'createClient', username, password, roles: [{ rolename }] },
    { command: 'modifyClient', username, password, roles: [{ rolename }] },
    { command: 'enableClient', username },
  ]
}

/** Makes the broker forget a user name; its connections end. */
export const removeCommands = (username: string): SecurityCommand[] => [
  { command: 'deleteClient', username },
]

/** Once none of the device's user names is left. */
export const removeRoleCommands = (device: string): SecurityCommand[] => [
  { command: 'deleteRole', rolename: roleOf(device) },
]

/** Whether the broker knows a user name: an error says that it does not. */
export const lookCommands = (username: string): SecurityCommand[] => [
  { command: 'getClient', username },
]

/** The other user name of the device: it has its id and that with `~2`. */
export const otherUsername = (device: string, username: string): string =>
  username === device ? `${device}~2` : device

/** Answers that mean no more than that the wanted state stands already. */
export const isHarmless = (command: string, error: string): boolean =>
  (command.startsWith('create') && /already exists/i.test(error)) ||
  (command.startsWith('delete') && /not found/i.test(error))
