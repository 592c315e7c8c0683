import { services } from '@menagerie/contracts/routes'
import { checkHealth, clockOf, data, type HealthCheck, version } from '@menagerie/core'
import { metricsHubName, textFormatType } from '@menagerie/durable-objects/metrics-hub/shared'
import type { Context } from 'hono'
import type { App, Env } from '../context.ts'
import { serviceBinding, traceHeaders } from '../forward.ts'
import { gauges } from '../gauges.ts'
import { openApiDocument } from '../openapi.ts'
import { routeTable, toRouteInfo } from '../route-table.ts'

/** Everybody behind the gateway. */
const asked = services.filter((name) => name !== 'gateway')

/** The one object that sums what all Workers tell. */
const metricsHub = (env: Env) => env.METRICS_HUB.getByName(metricsHubName)

const checks = (c: Context<App>): Record<string, HealthCheck> => ({
  ...Object.fromEntries(asked.map((name) => [name, () => askService(c, name)])),
  telemetry: async () => {
    await metricsHub(c.env).render([])
    return undefined
  },
})

async function askService(c: Context<App>, name: string): Promise<Record<string, unknown>> {
  const response = await serviceBinding(c.env, name).fetch(`${c.env.PUBLIC_URL}/health`, {
    headers: traceHeaders(c),
  })
  const { details } = await response.json<{ details: Record<string, unknown> }>()
  return response.ok ? { details } : { status: 'down', details }
}

const health = async (c: Context<App>): Promise<Response> => {
  const clock = clockOf(c.env)
  const result = await checkHealth(checks(c), version, () => clock.now())
  return c.json(result, result.status === 'ok' ? 200 : 503)
}

/** What the gateway answers itself, by `method pattern` of the contract. */
export const ownRoutes: Readonly<
  Record<string, (c: Context<App>) => Response | Promise<Response>>
> = {
  'GET /health': health,
  'GET /health/ready': health,
  'GET /health/live': (c) => c.json({ status: 'ok', info: {}, error: {}, details: {}, version }),
  'GET /metrics': async (c) =>
    c.body(await metricsHub(c.env).render(await gauges(c)), 200, {
      'content-type': textFormatType,
    }),
  'GET /openapi.json': (c) => c.json(openApiDocument(c.env.PUBLIC_URL)),
  'GET /admin/routes': (c) => c.json(data(c, routeTable.map(toRouteInfo))),
}
