import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { consumeDeliveries } from './deliver/consume-deliveries.ts'
import { notificationRoute, notificationRoutes } from './routes/notifications.ts'
import { socketRoutes } from './routes/socket.ts'
import { consumeRules } from './rules/consume-rules.ts'

const app = createApp<App>({ service: 'notifications', env: settingsOf })

healthRoutes(app, (env) => ({ database: d1Check(env.DB) }))
notificationRoutes(app)
socketRoutes(app)
notificationRoute(app)

export { Mailbox } from '@menagerie/durable-objects/mailbox'

export default {
  fetch: app.fetch,
  queue: (batch, env) =>
    batch.queue.endsWith('rules') ? consumeRules(batch, env) : consumeDeliveries(batch, env),
} satisfies ExportedHandler<Env>
