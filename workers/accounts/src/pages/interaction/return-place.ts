/**
 * Where an app lives, as who is asked can judge it: the host of the web, this device for loopback addresses and schemes
 * of an app's own (RFC 8252 §7). `undefined` for an app on another device, which nobody is sent back to.
 */
export function returnPlace(redirectUri: string | undefined): string | undefined {
  if (redirectUri === undefined || !URL.canParse(redirectUri)) return undefined
  const { protocol, host } = new URL(redirectUri)
  return protocol === 'https:' ? host : 'an app on this device'
}
