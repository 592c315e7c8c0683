/** The address of the caller's own socket: absolute, from `PUBLIC_URL`, `ws:` or `wss:`. */
export const socketUrl = (publicUrl: string): string =>
  `${publicUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/notifications/ws`
