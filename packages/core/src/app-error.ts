import { type ErrorCode, errorCodes, type FieldError } from '@menagerie/contracts'

export interface AppErrorOptions {
  errors?: FieldError[]
  retryAfterSeconds?: number
  /** Further members of the problem, such as `mfaToken`. */
  members?: Record<string, unknown>
  /** Further headers of the answer, such as `allow`. */
  headers?: Record<string, string>
  /** For the log only. */
  cause?: unknown
}

/** A failure from the closed list. `detail` is public; `cause` goes to the log alone. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly options: AppErrorOptions

  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'AppError'
    this.code = code
    this.options = options
  }

  get status(): number {
    return errorCodes[this.code].status
  }

  /** Whether the same request may succeed when tried again. */
  get retry(): boolean {
    return errorCodes[this.code].retry
  }
}
