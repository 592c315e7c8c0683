import { createApp } from '@menagerie/core'
import { discardBody } from './body.ts'
import { type App, type Env, settings } from './context.ts'
import { crossOrigin } from './cross-origin.ts'
import { servePage } from './pages.ts'
import { consumeRevocations } from './revocations.ts'
import { addRoutes } from './routing.ts'

const app = createApp<App>({
  service: 'api_gateway',
  env: settings,
  quiet: (path) => path === '/health/live',
})

app.use(async (c, next) => {
  await next()
  await discardBody(c.req.raw)
})
app.use(crossOrigin)
addRoutes(app)
app.on(['GET', 'HEAD'], ['/', '/assets/*'], servePage)

export default { fetch: app.fetch, queue: consumeRevocations } satisfies ExportedHandler<Env>
