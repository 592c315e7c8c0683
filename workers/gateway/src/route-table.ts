import type { Permission, RouteInfo } from '@menagerie/contracts'
import {
  type Access,
  allRoutes,
  type RoutePolicy,
  type ServiceName,
} from '@menagerie/contracts/routes'

/** One row of the table: everything the gateway does for a route stands here. */
export interface RouteEntry {
  /** The contract's form: `/calls/{id}`. Served as written and under `/v1`. */
  pattern: string
  methods: readonly string[]
  /** Who answers: a Worker over its binding, or a backend outside the product. */
  target: { type: 'service'; name: ServiceName } | { type: 'upstream'; name: string; url: string }
  access: Access
  permission: Permission | null
  rateLimit: RoutePolicy['rateLimit']
  bodyLimitBytes: number
  /** For the whole answer; 0 for a socket. */
  timeoutMs: number
  /** How often a request is tried again: safe methods, and others that carry an idempotency key. */
  retry: 0 | 1 | 2
  idempotency: boolean
  /** Asks for the session at every call, past the cache. */
  critical: boolean
  /** Asks for a second factor shown in the session within five minutes. */
  stepUp: boolean
  /** Where a request goes when the target does not answer: the URL of a second instance. */
  backup: string | null
}

export const DEFAULT_BODY_LIMIT_BYTES = 64 * 1024
export const DEFAULT_TIMEOUT_MS = 10_000

/** The table: every declared route, those with more literal segments first. */
export const routeTable: readonly RouteEntry[] = allRoutes
  .map(
    (route): RouteEntry => ({
      pattern: route.path,
      methods: [route.method.toUpperCase()],
      target: { type: 'service', name: route.policy.service },
      access: route.policy.access,
      permission: route.policy.permission ?? null,
      rateLimit: route.policy.rateLimit,
      bodyLimitBytes: route.policy.bodyLimitBytes ?? DEFAULT_BODY_LIMIT_BYTES,
      timeoutMs:
        route.policy.access === 'socket' ? 0 : (route.policy.timeoutMs ?? DEFAULT_TIMEOUT_MS),
      retry: route.method === 'get' || route.policy.idempotent ? 1 : 0,
      idempotency: route.policy.idempotent ?? false,
      critical: route.policy.critical ?? false,
      stepUp: route.policy.stepUp ?? false,
      backup: null,
    }),
  )
  .sort((a, b) => variables(a.pattern) - variables(b.pattern))

function variables(pattern: string): number {
  return pattern.split('{').length - 1
}

/** Hono's form of a pattern: `/calls/:id`, `/calls/:command{hold|resume}`. */
export const honoPath = (pattern: string): string =>
  pattern.replaceAll(
    /\{(\w+)(?::(.+?))?\}/g,
    (_, name: string, words?: string) => `:${name}${words ? `{${words}}` : ''}`,
  )

/** A row as `GET /admin/routes` shows it. */
export const toRouteInfo = (entry: RouteEntry): RouteInfo => ({
  pattern: entry.pattern,
  methods: [...entry.methods],
  service: entry.target.name,
  access: entry.access,
  permission: entry.permission,
  rateLimit: entry.rateLimit,
  bodyLimitBytes: entry.bodyLimitBytes,
  timeoutMs: entry.timeoutMs,
  retry: entry.retry,
  idempotency: entry.idempotency,
  critical: entry.critical,
  stepUp: entry.stepUp,
  upstream: entry.target.type === 'upstream' ? entry.target.url : null,
  backup: entry.backup,
})
