import type { BrokerAclRequest } from '@menagerie/contracts'
import { deviceOfUsername } from './usernames.ts'

type Decision = 'allow' | 'deny'

const device = /^[A-Za-z0-9_-]{1,64}$/
/** One level without a wildcard. What is wrong with a name is told where it is recorded, not by a silent broker. */
const level = /^[^/+#\0]+$/
const answers: ReadonlySet<string> = new Set(['ack', 'progress', 'result'])
const shadowRequests: ReadonlySet<string> = new Set(['get', 'update', 'delete'])

/** A device's client ids, under either of its user names: its id, or ones that begin with it and `-` (contract §5). */
export function isClientIdOf(username: string, clientId: string): boolean {
  const id = deviceOfUsername(username)
  return device.test(id) && (clientId === id || clientId.startsWith(`${id}-`))
}

/**
 * Ids that would have a better right to a client id than the device that brings it, were there such devices: longer ones
 * that it is, or begins with. An id may hold a `-`, so that `fox-1` is a client id of `fox` unless there is a device `fox-1`.
 */
export function betterOwnersOf(username: string, clientId: string): string[] {
  const { length } = deviceOfUsername(username)
  // No id is longer than 64 characters.
  const ends = [...clientId.slice(0, 65).matchAll(/-|$/g)].map(({ index }) => index)
  return ends
    .filter((end) => end > length)
    .map((end) => clientId.slice(0, end))
    .filter((id) => device.test(id))
}

/**
 * What a device may do at the broker: send to its own topics up, listen inside its own trees, the native one and that of
 * its AWS-compatible shadow. Its id has none of `+#/`, so a filter that begins with a tree stays inside, whatever
 * wildcards follow; `$share/…`, `$SYS` and `#` do not begin with one.
 */
export function decideAccess({
  username,
  action,
  topic,
}: Pick<BrokerAclRequest, 'username' | 'action' | 'topic'>): Decision {
  const id = deviceOfUsername(username)
  if (!device.test(id)) return 'deny'
  const native = within(`v1/devices/${id}/`, topic)
  const shadow = within(`$aws/things/${id}/shadow/`, topic)
  if (native === undefined && shadow === undefined) return 'deny'
  if (action === 'subscribe') return 'allow'
  const isUp =
    native === undefined ? shadowRequests.has(shadow ?? '') : isUpTopic(native.split('/'))
  return isUp ? 'allow' : 'deny'
}

/** What stands behind the beginning of a topic, at least one character. */
const within = (tree: string, topic: string): string | undefined =>
  topic.startsWith(tree) && topic.length > tree.length ? topic.slice(tree.length) : undefined

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
