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
type ShippedCommand =
  | { command: 'setDefaultACLAccess'; acls: { acltype: string; allow: boolean }[] }
  | { command: 'createRole'; rolename: string; acls: Acl[] }
  | { command: 'createClient'; username: string; roles: { rolename: string }[] }
interface Document {
  defaultACLAccess: Record<string, boolean>
  clients: Client[]
  groups: object[]
  roles: Role[]
}

/** What an operator sends to the plugin (`packages/operations`). */
const shipped: { commands: ShippedCommand[] } = JSON.parse(
  readFileSync(new URL('../../../operations/mosquitto/dynsec-roles.json', import.meta.url), 'utf8'),
)

/** @throws Error when an operator would get no such role */
function shippedRole(name: string): Role {
  for (const told of shipped.commands)
    if (told.command === 'createRole' && told.rolename === name)
      return { rolename: name, acls: told.acls }
  throw new Error(`dynsec-roles.json makes no role ${name}`)
}

/** It hears every device. */
const bridgeRole = shippedRole('bridge')
/** It speaks on down topics only: an up topic of its own could pass for a device's (S114). */
const publisherRole = shippedRole('publisher')

const allow = (acltypes: string[], topics: string[]): Acl[] =>
  topics.flatMap((topic) => acltypes.map((acltype) => ({ acltype, topic, allow: true })))

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
    defaultACLAccess: Object.fromEntries(
      shipped.commands.flatMap((told) =>
        told.command === 'setDefaultACLAccess'
          ? told.acls.map(({ acltype, allow }) => [acltype, allow])
          : [],
      ),
    ),
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
