export { ApiError } from './http/api-error.ts'
export { type Client, type ClientOptions, createClient } from './http/client.ts'
export type { Answer, CallableRoute, CallInput, CallSettings } from './http/route-types.ts'
export { type TokenInput, type TokenSource, tokenSource } from './http/token-source.ts'
export { createSession, type Session, type SessionOptions } from './session/session.ts'
export type { SessionTokens } from './session/session-tokens.ts'
export {
  openSocket,
  type ResumingSocket,
  type SocketOptions,
  type Timers,
  type WebSocketConstructor,
} from './socket/open-socket.ts'
export { FrameRefusedError, SocketStoppedError } from './socket/socket-errors.ts'
export type { Acknowledgement, EventFrame, Frame, SocketStatus } from './socket/socket-types.ts'
