/** The socket has stopped for good before this frame was acknowledged; whether it took effect is not known. */
export class SocketStoppedError extends Error {
  override readonly name = 'SocketStoppedError'
  /** The close code, or the HTTP status that refused a ticket; `undefined` when it was closed from here. */
  readonly code: number | undefined

  constructor(reason: string, code?: number) {
    super(reason)
    this.code = code
  }
}

/**
 * The server answered this frame with `error`. It had no effect, except where the code is `internal_error`: there that is not
 * known, and sending it again under the same id is safe.
 */
export class FrameRefusedError extends Error {
  override readonly name = 'FrameRefusedError'
  /** A code of the closed list, such as `conflict`. */
  readonly code: string

  constructor(code: string, detail: string) {
    super(detail)
    this.code = code
  }
}
