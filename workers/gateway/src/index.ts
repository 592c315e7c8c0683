import { createApp } from '@menagerie/core'
import { type App, type Env, settings } from './context.ts'
import { crossOrigin } from './cross-origin.ts'
import { consumeRevocations } from './revocations.ts'
import { addRoutes } from './routing.ts'
import { securityHeaders } from './security-headers.ts'

const app = createApp<App>({
  service: 'api_gateway',
  env: settings,
  quiet: (path) => path === '/health/live',
})

app.use(securityHeaders)
app.use(crossOrigin)
addRoutes(app)
app.on(['GET', 'HEAD'], ['/', '/assets/*'], (c) => c.env.ASSETS.fetch(c.req.raw))

export default { fetch: app.fetch, queue: consumeRevocations } satisfies ExportedHandler<Env>
