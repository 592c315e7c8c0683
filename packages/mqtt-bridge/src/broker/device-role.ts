import { z } from 'zod'
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
 * Makes the broker know a device that it did not know. Each may answer that it exists: then `changeCommands` follow. Not
 * sent at once with these, since with every command that changes something Mosquitto writes its whole file anew.
 */
export function createCommands(
  device: string,
  username: string,
  password: string,
): SecurityCommand[] {
  const rolename = roleOf(device)
  return [
    { command: 'createRole', rolename, acls: deviceAcls(device) },
    { command: 'createClient', username, password, roles: [{ rolename }] },
  ]
}

/**
 * Brings what stands there to the wanted state, whatever that is. Who is connected under that user name is cut off.
 *
 * @param standing those of `createCommands` that were answered by "already exists"
 */
export function changeCommands(
  device: string,
  username: string,
  password: string,
  standing: ReadonlySet<string>,
): SecurityCommand[] {
  const rolename = roleOf(device)
  const commands: SecurityCommand[] = []
  if (standing.has('createRole'))
    commands.push({ command: 'modifyRole', rolename, acls: deviceAcls(device) })
  if (standing.has('createClient'))
    commands.push(
      { command: 'modifyClient', username, password, roles: [{ rolename }] },
      { command: 'enableClient', username },
    )
  return commands
}

/** Makes the broker forget a user name; its connections end. */
export const removeCommands = (username: string): SecurityCommand[] => [
  { command: 'deleteClient', username },
]

/** Once none of the device's user names is left. */
export const removeRoleCommands = (device: string): SecurityCommand[] => [
  { command: 'deleteRole', rolename: roleOf(device) },
]

/** What the broker knows of user names. */
export const lookCommands = (...usernames: string[]): SecurityCommand[] =>
  usernames.map((username) => ({ command: 'getClient', username }))

/** The user names that a device may have. */
export const usernamesOf = (device: string): [string, string] => [device, `${device}~2`]

/** One answer of the broker. */
export const SecurityReply = z.looseObject({
  command: z.string(),
  correlationData: z.string().optional(),
  error: z.string().optional(),
  data: z
    .looseObject({
      client: z
        .looseObject({
          username: z.string(),
          roles: z.array(z.looseObject({ rolename: z.string() })).optional(),
          groups: z.array(z.unknown()).optional(),
        })
        .optional(),
    })
    .optional(),
})
export type SecurityReply = z.infer<typeof SecurityReply>

/** The wanted state stands already, or what was looked for is not there. */
export const isStanding = ({ command, error = '' }: SecurityReply): boolean =>
  (command.startsWith('create') && /already exists/i.test(error)) ||
  (/^(delete|get)/.test(command) && /not found/i.test(error))

/**
 * Whether a client that the broker told of is somebody else's, such as an operator's: it has rights that no device gets.
 * Whoever registers a device by its name must not take it over, nor delete it.
 */
export const isForeign = (device: string, { data }: SecurityReply): boolean =>
  data?.client?.roles?.some(({ rolename }) => rolename !== roleOf(device)) === true ||
  (data?.client?.groups?.length ?? 0) > 0
