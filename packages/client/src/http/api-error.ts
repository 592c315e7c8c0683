import { type ErrorCode, errorCodes, type FieldError, Problem } from '@menagerie/contracts'

/**
 * An answer that is not 2xx, with its problem document (RFC 9457). What answered without one (a proxy in between) is
 * told as the closest code of the closed list.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: Problem
  /** Seconds to wait, from `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds: number | undefined

  constructor(problem: Problem, retryAfterSeconds?: number) {
    super(`${problem.status} ${problem.code}: ${problem.detail}`)
    this.problem = problem
    this.retryAfterSeconds = retryAfterSeconds
  }

  get code(): ErrorCode {
    return this.problem.code
  }

  get status(): number {
    return this.problem.status
  }

  get detail(): string {
    return this.problem.detail
  }

  /** The bad fields; empty unless the code is `validation_failed`. */
  get errors(): readonly FieldError[] {
    return this.problem.errors ?? []
  }

  get requestId(): string {
    return this.problem.requestId
  }

  /** Whether the same request may succeed when tried again. */
  get retry(): boolean {
    return errorCodes[this.code].retry
  }
}

/**
 * Reads a failed response to its end.
 *
 * @param now milliseconds since the epoch, for a `Retry-After` that names a date
 */
export async function readApiError(
  response: Response,
  path: string,
  now: number,
): Promise<ApiError> {
  const parsed = Problem.safeParse(parseJson(await response.text()))
  const problem = parsed.success ? parsed.data : problemOfStatus(response, path)
  return new ApiError(problem, retryAfterSeconds(response.headers.get('retry-after'), now))
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function problemOfStatus(response: Response, path: string): Problem {
  const codes = Object.keys(errorCodes) as ErrorCode[]
  const code =
    codes.find((name) => errorCodes[name].status === response.status) ??
    (response.status >= 500 ? 'internal_error' : 'invalid_request')
  return {
    type: 'about:blank',
    title: errorCodes[code].title,
    status: response.status,
    detail: `The answer has status ${response.status} and no problem document`,
    instance: path,
    code,
    requestId: response.headers.get('x-request-id') ?? '',
  }
}

/** `Retry-After` as whole seconds from now; `undefined` where it is absent or unreadable. */
export function retryAfterSeconds(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  if (/^\d+$/.test(header.trim())) return Number(header)
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil((date - now) / 1000))
}
