import { OpenAPIHono } from '@hono/zod-openapi'
import type { ErrorCode, FieldError } from '@menagerie/contracts'
import type { Context } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { AppError } from './app-error.ts'
import { EnvError } from './env.ts'
import { newId } from './ids.ts'
import { Line } from './line.ts'
import { Logger, type LogLevel, logLevels } from './logger.ts'
import type { Principal } from './principal.ts'
import { addHeaders, problemResponse } from './respond.ts'
import { continueTrace, type Trace } from './trace.ts'

/** What every Worker's context holds. A Worker's own `App` adds its `Bindings`. */
export interface AppEnv {
  Variables: {
    requestId: string
    trace: Trace
    line: Line
    /** Set by the guard of a route that asks for a token. */
    principal?: Principal
  }
}

export interface AppOptions {
  /** The value of `service` in log lines, such as `api_gateway`. */
  service: string
  /** Checks the settings; called once for each env object. */
  env?: (env: object) => unknown
  now?: () => number
  /** Sockets and what is asked very often are worth a line only when something went wrong. */
  quiet?: (path: string) => boolean
}

const requestIdForm = /^[\w.-]{1,128}$/

/** An app with request id, trace, one log line for each request, checked settings and one `onError`. */
export function createApp<E extends AppEnv>(options: AppOptions): OpenAPIHono<E> {
  const app = new OpenAPIHono<E>({
    defaultHook: (result) =>
      result.success ? undefined : refuse(result.error.issues, result.target),
  })
  const now = options.now ?? (() => Date.now())

  app.use(async (context, next) => {
    const c = context as unknown as Context<AppEnv>
    const startedAt = now()
    const given = c.req.header('x-request-id')
    const requestId = given && requestIdForm.test(given) ? given : crypto.randomUUID()
    const trace = continueTrace(c.req.header('traceparent'))
    const level = (c.env as { LOG_LEVEL?: string }).LOG_LEVEL as LogLevel
    const logger = new Logger({
      service: options.service,
      ...(logLevels.includes(level) ? { level } : {}),
    })
    const line = new Line(logger, {
      requestId,
      traceId: trace.traceId,
      spanId: trace.spanId,
      method: c.req.method,
      ip: c.req.header('cf-connecting-ip'),
    })
    c.set('requestId', requestId)
    c.set('trace', trace)
    c.set('line', line)
    await next()
    addHeaders(c, requestId)
    const status = c.res.status
    // 501 is the contract's answer for what is not built: nothing failed.
    if (status >= 500 && status !== 501) line.raise('error')
    if (options.quiet?.(c.req.path) && status < 400) return
    line.end('request', { route: routePattern(c), status, durationMs: now() - startedAt })
  })
  // Behind the line, so that a setting that is missing is told in it.
  app.use((c, next) => {
    options.env?.(c.env as object)
    return next()
  })
  app.onError((error, c) => answerError(error, c as unknown as Context<AppEnv>))
  app.notFound((c) =>
    answerError(
      new AppError('not_found', 'There is nothing here'),
      c as unknown as Context<AppEnv>,
    ),
  )
  return app
}

/**
 * The pattern of the route that answered, in the contract's form and without `/v1`; never a raw path. The first that
 * matched is the one: what stands behind it only takes what it does not.
 */
export function routePattern(c: Context): string {
  const matched = c.req.matchedRoutes.find((route) => !route.path.includes('*'))
  if (!matched) return 'unmatched'
  return matched.path.replace(/^\/v1\//, '/').replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')
}

function answerError(error: Error, c: Context<AppEnv>): Response {
  const known = toAppError(error)
  c.get('line')?.add({ errorCode: known.code, reason: known.message })
  if (known.code === 'internal_error') c.get('line')?.raise('error').add({ error })
  else if (known.options.cause !== undefined) c.get('line')?.add({ cause: known.options.cause })
  return problemResponse(known, c.req.path, c.get('requestId') ?? newId())
}

/** Whatever was thrown, as one of the closed list. */
export function toAppError(error: Error): AppError {
  if (error instanceof AppError) return error
  if (error instanceof EnvError)
    return new AppError('unavailable', 'The service is not configured', { cause: error })
  if (error instanceof HTTPException) {
    const byStatus: Record<number, [ErrorCode, string]> = {
      400: ['malformed_json', 'The body is not valid JSON'],
      413: ['payload_too_large', 'The body is too large'],
      415: ['unsupported_media_type', 'Send Content-Type: application/json'],
    }
    const [code, detail] = byStatus[error.status] ?? ['internal_error', 'Something went wrong']
    return new AppError(code, detail)
  }
  return (
    platformError(error) ??
    new AppError('internal_error', 'Something went wrong; tell us the request id', { cause: error })
  )
}

/** The platform marks what it throws itself when an object cannot be reached: that passes, and is no bug of ours. */
function platformError(error: Error & { overloaded?: boolean; retryable?: boolean }) {
  const code = error.overloaded ? 'overloaded' : error.retryable ? 'unavailable' : undefined
  return code && new AppError(code, 'A part of the service is away; try again', { cause: error })
}

interface Issue {
  code?: string | undefined
  path: PropertyKey[]
  message: string
  keys?: string[]
}

/** Bad fields as the contract shows them: an RFC 6901 pointer, a code and what to do. */
export function fieldErrors(issues: readonly Issue[], target: string): FieldError[] {
  const prefix = target === 'json' || target === 'form' ? '' : `/${target}`
  const pointer = (path: PropertyKey[]) =>
    `${prefix}${path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')}`
  return issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.keys
      ? issue.keys.map((key) => ({
          pointer: pointer([...issue.path, key]),
          code: 'unknown_field',
          detail: 'is not a field of this request',
        }))
      : [{ pointer: pointer(issue.path), code: issue.code ?? 'invalid', detail: issue.message }],
  )
}

function refuse(issues: readonly unknown[], target: string): never {
  const errors = fieldErrors(issues as Issue[], target)
  throw new AppError('validation_failed', 'The request has fields that are not valid', {
    errors: errors.slice(0, 50),
  })
}
