import type { BrokerAclRequest } from '@menagerie/contracts'

type Decision = 'allow' | 'deny'

const device = /^[A-Za-z0-9_-]{1,64}$/
/** One level without a wildcard. What is wrong with a name is told where it is recorded, not by a silent broker. */
const level = /^[^/+#\0]+$/
const answers: ReadonlySet<string> = new Set(['ack', 'progress', 'result'])

/** A device's client ids: its own, or ones that begin with it and `-` (contract §5). */
export const isClientIdOf = (deviceId: string, clientId: string): boolean =>
  device.test(deviceId) && (clientId === deviceId || clientId.startsWith(`${deviceId}-`))

/**
 * What a device may do at the broker: send to its own topics up, listen inside its own tree. The user name is the
 * device's id and has none of `+#/`, so a filter that begins with its tree stays inside, whatever wildcards follow;
 * `$share/…`, `$SYS` and `#` do not begin with it.
 */
export function decideAccess({
  username,
  action,
  topic,
}: Pick<BrokerAclRequest, 'username' | 'action' | 'topic'>): Decision {
  const tree = `v1/devices/${username}/`
  if (!device.test(username) || !topic.startsWith(tree) || topic.length === tree.length)
    return 'deny'
  switch (action) {
    case 'publish':
      return isUpTopic(topic.slice(tree.length).split('/')) ? 'allow' : 'deny'
    case 'subscribe':
      return 'allow'
  }
}

function isUpTopic([first, second, third, ...rest]: string[]): boolean {
  if (rest.length > 0) return false
  if (first === 'commands')
    return second !== undefined && level.test(second) && answers.has(third ?? '')
  if (third !== undefined) return false
  if (first === 'presence') return second === undefined
  if (second === undefined) return false
  if (first === 'twin') return second === 'reported' || second === 'get'
  return (first === 'telemetry' || first === 'events') && level.test(second)
}
