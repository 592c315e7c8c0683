import { createApp } from '@menagerie/core'
import { cors } from 'hono/cors'
import { type App, allowedOrigins, type Env, settings } from './context.ts'
import { consumeRevocations } from './revocations.ts'
import { addRoutes } from './routing.ts'
import { securityHeaders } from './security-headers.ts'

const app = createApp<App>({
  service: 'api_gateway',
  env: settings,
  quiet: (path) => path === '/health/live',
})

app.use(securityHeaders)
app.use(
  cors({
    origin: (origin, c) => (allowedOrigins(c.env).includes(origin) ? origin : null),
    allowHeaders: [
      'Authorization',
      'Content-Type',
      'Idempotency-Key',
      'If-Match',
      'Traceparent',
      'X-Request-Id',
    ],
    exposeHeaders: ['ETag', 'Idempotent-Replayed', 'Link', 'Retry-After', 'X-Request-Id'],
    maxAge: 600,
  }),
)
addRoutes(app)
app.on(['GET', 'HEAD'], ['/', '/assets/*'], (c) => c.env.ASSETS.fetch(c.req.raw))

export default { fetch: app.fetch, queue: consumeRevocations } satisfies ExportedHandler<Env>
