/**
 * A device has two user names at the broker, so that a new password can stand beside the one it replaces: its id, and
 * that and `~2`. No id holds a `~`, so neither name can be another device's.
 */
const SECOND = '~2'

export const usernamesOf = (deviceId: string): [string, string] => [
  deviceId,
  `${deviceId}${SECOND}`,
]

/** Whose user name it is, were there such a device. */
export const deviceOfUsername = (username: string): string =>
  username.endsWith(SECOND) ? username.slice(0, -SECOND.length) : username
