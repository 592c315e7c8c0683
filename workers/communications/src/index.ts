import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { callRoutes } from './routes/calls.ts'
import { historyRoutes } from './routes/history.ts'
import { internalRoutes } from './routes/internal.ts'
import { webhookRoutes } from './routes/webhooks.ts'

const app = createApp<App>({ service: 'communications', env: settingsOf })

healthRoutes(app, (env) => ({ database: d1Check(env.DB) }))
historyRoutes(app)
callRoutes(app)
webhookRoutes(app)
internalRoutes(app)

export { CallRoom } from '@menagerie/durable-objects/call-room'

export default { fetch: app.fetch } satisfies ExportedHandler<Env>
