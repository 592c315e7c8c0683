import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from './app.ts'
import { checkHealth, type HealthCheck } from './health.ts'

/** The version every part reports; the repository has one. */
export const version = '0.1.0'

/** Adds `/health`, `/health/live` and `/health/ready` to a service: bare bodies in the Terminus shape. */
export function healthRoutes<E extends AppEnv>(
  app: OpenAPIHono<E>,
  checks: (
    env: E extends { Bindings: infer B } ? B : never,
  ) => Readonly<Record<string, HealthCheck>>,
  now: () => number = () => Date.now(),
): void {
  app.get('/health/live', (c) =>
    c.json({ status: 'ok', info: {}, error: {}, details: {}, version }),
  )
  app.on('GET', ['/health', '/health/ready'], async (c) => {
    const health = await checkHealth(checks(c.env as never), version, now)
    return c.json(health, health.status === 'ok' ? 200 : 503)
  })
}
