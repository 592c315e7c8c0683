/** The bridge's client id, and the beginning of those of its other connections. */
const BRIDGE_CLIENT_ID = 'menagerie-bridge'

/** A device's second user name is its id and `~2`. */
export const deviceOfUsername = (username: string): string => username.replace(/~2$/, '')

/**
 * Whether a user may connect with this client id (contract §5). A client id belongs to the longest known name that it
 * equals or that it begins with, followed by `-`; one that belongs to nobody is anybody's.
 *
 * @param bridges user names of the bridge
 * @param devices ids of the devices that the broker knows
 */
export function mayUseClientId(
  username: string,
  clientId: string,
  bridges: readonly string[],
  devices: ReadonlySet<string>,
): boolean {
  const own = deviceOfUsername(username)
  for (let end = clientId.length; end > 0; end = clientId.lastIndexOf('-', end - 1)) {
    const name = clientId.slice(0, end)
    if (name === BRIDGE_CLIENT_ID) return bridges.includes(username)
    if (name === own || bridges.includes(name)) return name === own
    if (devices.has(name)) return false
  }
  return true
}
