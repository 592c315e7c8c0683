import { createRoute, type RouteConfig, z } from '@hono/zod-openapi'
import type { Permission } from '../permissions.ts'
import { Id } from '../primitives.ts'
import { type ErrorCode, errorCodes, Problem, problemMediaType } from '../problem.ts'

/** The Workers that answer HTTP. */
export const services = [
  'gateway',
  'accounts',
  'communications',
  'devices',
  'notifications',
  'reports',
  'admin',
] as const
export type ServiceName = (typeof services)[number]

/**
 * Who may call: `public` anybody · `bearer` an access token · `socket` a ticket or an access token ·
 * `signature` the carrier's signature · `scrape` the scrape token · `broker` the broker's secret.
 */
export type Access = 'public' | 'bearer' | 'socket' | 'signature' | 'scrape' | 'broker'

/** What the gateway must know of a route beyond its shapes. */
export interface RoutePolicy {
  service: ServiceName
  access: Access
  /** Asked of the token by the gateway and again by the service. */
  permission?: Permission
  rateLimit: 'auth' | 'api' | 'webhook' | 'none'
  /** Bytes of body read at most; 64 KiB unless given. */
  bodyLimitBytes?: number
  /** Milliseconds for the whole answer, its body included; 10 s unless given. A socket has none. */
  timeoutMs?: number
  /** True where `Idempotency-Key` is kept. */
  idempotent?: boolean
  /** Critical routes ask for the session at every call, past the cache. */
  critical?: boolean
  /** Asks for a second factor shown within five minutes (`acr` "2"); such a route is critical too. */
  stepUp?: boolean
  /** Codes of the problems it answers beyond those every route shares. */
  errors?: readonly ErrorCode[]
}

export type DeclaredRoute = RouteConfig & { policy: RoutePolicy; getRoutingPath(): string }

const shared: ErrorCode[] = ['too_many_requests', 'internal_error', 'unavailable']
const forwarded: ErrorCode[] = ['timeout']
const withToken: ErrorCode[] = ['unauthorized']
const withPermission: ErrorCode[] = ['forbidden']
const withBody: ErrorCode[] = [
  'malformed_json',
  'payload_too_large',
  'unsupported_media_type',
  'validation_failed',
]

/** Declares a route: shapes, who may call, and its errors. The first line of its handler is this declaration. */
export function declare<
  const P extends string,
  const R extends Omit<RouteConfig, 'path'> & { path: P },
>(policy: RoutePolicy, config: R) {
  const route = createRoute<P, R>(config)
  const errors = new Set([
    ...shared,
    ...(policy.service === 'gateway' ? [] : forwarded),
    ...(['bearer', 'socket', 'broker'].includes(policy.access) ? withToken : []),
    ...(policy.permission ? withPermission : []),
    ...(policy.stepUp ? (['step_up_required'] as const) : []),
    ...(config.request?.body ? withBody : []),
    ...(config.request?.query || config.request?.params ? (['validation_failed'] as const) : []),
    ...(policy.errors ?? []),
  ])
  const problems: Record<number, unknown> = {}
  for (const status of new Set([...errors].map((code) => errorCodes[code].status))) {
    const codes = [...errors].filter((code) => errorCodes[code].status === status)
    problems[status] = {
      description: codes.join(', '),
      content: { [problemMediaType]: { schema: Problem } },
    }
  }
  // Failures are thrown and answered by one `onError`, so only successes take part in the handler's type.
  Object.assign(route, { responses: { ...problems, ...config.responses } })
  return Object.assign(route, { policy })
}

/** A JSON body that must be there. */
export const jsonBody = <const S>(schema: S) =>
  ({ body: { required: true, content: { 'application/json': { schema } } } }) as const

/** A JSON answer. */
export const jsonAnswer = <const S>(schema: S, description: string) =>
  ({ description, content: { 'application/json': { schema } } }) as const

/** The path parameter `{id}` of what has a UUID. */
export const idParam = z.strictObject({ id: Id })
