/** The address of a call's socket: absolute, from `PUBLIC_URL`, `ws:` or `wss:`. */
export const socketUrl = (publicUrl: string, callId: string): string =>
  `${publicUrl.replace(/^http/, 'ws').replace(/\/$/, '')}/calls/${callId}/ws`
