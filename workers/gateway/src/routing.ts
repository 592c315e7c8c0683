import type { OpenAPIHono } from '@hono/zod-openapi'
import { unbuiltPaths } from '@menagerie/contracts/routes'
import { AppError, readIdempotencyKey } from '@menagerie/core'
import type { Context } from 'hono'
import { admit } from './admit.ts'
import type { App } from './context.ts'
import { forward } from './forward.ts'
import { honoPath, type RouteEntry, routeTable } from './route-table.ts'
import { ownRoutes } from './routes/operations.ts'

/** Every path is served as written and under `/v1`. */
const prefixes = ['', '/v1'] as const

/** Puts the table into an app: built routes, then those to come (501), then known paths asked with another method (405). */
export function addRoutes(app: OpenAPIHono<App>): void {
  for (const prefix of prefixes) {
    for (const entry of routeTable) {
      app.on([...entry.methods], `${prefix}${honoPath(entry.pattern)}`, (c) =>
        serve(c, entry, prefix),
      )
    }
    for (const { method, pattern } of unbuilt.filter((route) => route.method !== 'ALL')) {
      app.on(method, `${prefix}${honoPath(pattern)}`, refuseUnbuilt)
    }
    for (const [pattern, methods] of methodsByPattern()) {
      app.all(`${prefix}${honoPath(pattern)}`, () => refuseMethod(methods))
    }
    for (const { pattern } of unbuilt.filter((route) => route.method === 'ALL')) {
      app.all(`${prefix}${honoPath(pattern)}`, refuseUnbuilt)
    }
  }
}

async function serve(
  c: Context<App>,
  entry: RouteEntry,
  prefix: (typeof prefixes)[number],
): Promise<Response> {
  readIdempotencyKey(c.req.header('idempotency-key'))
  await admit(c, entry)
  const own = ownRoutes[`${c.req.method === 'HEAD' ? 'GET' : c.req.method} ${entry.pattern}`]
  return own ? own(c) : forward(c, entry, withoutPrefix(new URL(c.req.url).pathname, prefix))
}

/** By its place, not its length: the path is as it was sent, and `/%76%31/…` is `/v1/…` too. */
const withoutPrefix = (path: string, prefix: (typeof prefixes)[number]): string =>
  prefix === '' ? path : path.slice(path.indexOf('/', 1))

const unbuilt = unbuiltPaths.map((line) => {
  const [method, pattern] = line.startsWith('/') ? ['ALL', line] : line.split(' ')
  return { method: method ?? 'ALL', pattern: pattern ?? line }
})

function methodsByPattern(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const entry of routeTable)
    found.set(entry.pattern, [
      ...(found.get(entry.pattern) ?? []),
      ...entry.methods.flatMap(withHead),
    ])
  return found
}

/** Whatever takes GET takes HEAD (RFC 9110 §9.3.2). */
const withHead = (method: string): string[] => (method === 'GET' ? ['GET', 'HEAD'] : [method])

function refuseMethod(methods: string[]): never {
  throw new AppError('method_not_allowed', `This path takes ${methods.join(', ')}`, {
    headers: { allow: methods.join(', ') },
  })
}

function refuseUnbuilt(): never {
  throw new AppError(
    'not_implemented',
    'This part of the contract is not built yet; docs/requirements.md lists it',
  )
}
