import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'

/** Brings no device id with it: a device's id holds no point, so that nobody can register one of these names. */
export const BRIDGE_USERNAME = 'menagerie.bridge'
export const PUBLISHER_USERNAME = 'menagerie.publisher'
export const ADMIN_USERNAME = 'menagerie.admin'

/** The plugin's own number; it checks at every connect. The passwords are 32 random bytes and need no slow hash. */
const ITERATIONS = 101

interface Client {
  username: string
  password?: string
  salt?: string
  iterations?: number
  roles?: { rolename: string }[]
}
interface Acl {
  acltype: string
  topic: string
  allow: boolean
  priority?: number
}
interface Role {
  rolename: string
  acls: Acl[]
}
interface Document {
  defaultACLAccess: Record<string, boolean>
  clients: Client[]
  groups: object[]
  roles: Role[]
}

const allow = (acltypes: string[], topics: string[]): Acl[] =>
  topics.flatMap((topic) => acltypes.map((acltype) => ({ acltype, topic, allow: true })))

/** It hears every device. */
const bridgeRole: Role = {
  rolename: 'bridge',
  acls: [
    ...allow(['subscribePattern', 'publishClientReceive'], ['v1/devices/#', '$aws/things/#']),
    { acltype: 'subscribePattern', topic: '$share/#', allow: false, priority: 10 },
  ],
}

/** It speaks on down topics only: an up topic of its own could pass for a device's (S114). */
const publisherRole: Role = {
  rolename: 'publisher',
  acls: allow(
    ['publishClientSend'],
    [
      'v1/devices/+/acks',
      'v1/devices/+/twin/state',
      'v1/devices/+/twin/delta',
      'v1/devices/+/answers/+',
      'v1/devices/+/commands/+',
      '$aws/things/+/shadow/get/+',
      '$aws/things/+/shadow/update/+',
      '$aws/things/+/shadow/delete/+',
    ],
  ),
}

const adminRole: Role = {
  rolename: 'admin',
  acls: allow(
    ['subscribePattern', 'publishClientReceive', 'publishClientSend'],
    ['$CONTROL/dynamic-security/#'],
  ).concat(allow(['subscribePattern', 'publishClientReceive'], ['$SYS/#'])),
}

/**
 * Writes what the plugin starts from: the bridge's users and what they may do. Devices that stand in the file
 * stay; everything else is denied but to unsubscribe.
 *
 * @param path the plugin's `plugin_opt_config_file`
 */
export function writeDynamicSecurity(
  path: string,
  passwords: { bridge: string; publisher: string; admin: string },
): void {
  const old: Document | undefined = existsSync(path)
    ? JSON.parse(readFileSync(path, 'utf8'))
    : undefined
  const own = [
    clientWith(BRIDGE_USERNAME, passwords.bridge, bridgeRole.rolename),
    clientWith(PUBLISHER_USERNAME, passwords.publisher, publisherRole.rolename),
    clientWith(ADMIN_USERNAME, passwords.admin, adminRole.rolename),
  ]
  const ownNames = new Set(own.map(({ username }) => username))
  const roles = [bridgeRole, publisherRole, adminRole]
  const roleNames = new Set(roles.map(({ rolename }) => rolename))
  const document: Document = {
    defaultACLAccess: {
      publishClientSend: false,
      publishClientReceive: false,
      subscribe: false,
      unsubscribe: true,
    },
    clients: [...own, ...(old?.clients ?? []).filter(({ username }) => !ownNames.has(username))],
    groups: old?.groups ?? [],
    roles: [...roles, ...(old?.roles ?? []).filter(({ rolename }) => !roleNames.has(rolename))],
  }
  writeFileSync(`${path}.new`, JSON.stringify(document, null, 2), { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

/** Names of all clients in the file. */
export function readUsernames(path: string): Set<string> {
  const { clients }: Document = JSON.parse(readFileSync(path, 'utf8'))
  return new Set(clients.map(({ username }) => username))
}

function clientWith(username: string, password: string, rolename: string): Client {
  const salt = randomBytes(12)
  return {
    username,
    password: pbkdf2Sync(password, salt, ITERATIONS, 64, 'sha512').toString('base64'),
    salt: salt.toString('base64'),
    iterations: ITERATIONS,
    roles: [{ rolename }],
  }
}
