import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { consumeAudit } from './audit-events.ts'
import { type App, type Env, settings } from './context.ts'
import { consumeDeadLetters } from './dead-letters.ts'
import { addAuditRoutes } from './routes/audit.ts'
import { addDeadLetterRoutes } from './routes/dead-letters.ts'

const app = createApp<App>({ service: 'admin', env: settings })
healthRoutes(app, (env) => ({ d1: d1Check(env.DB) }))
addDeadLetterRoutes(app)
addAuditRoutes(app)

/** One handler for both queues. */
const queue = (batch: MessageBatch, env: Env): Promise<void> =>
  batch.queue.endsWith('audit') ? consumeAudit(batch, env) : consumeDeadLetters(batch, env)

export default { fetch: app.fetch, queue } satisfies ExportedHandler<Env>
