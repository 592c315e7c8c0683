import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settings } from './context.ts'
import { consumeDeadLetters } from './dead-letters.ts'
import { addDeadLetterRoutes } from './routes/dead-letters.ts'

const app = createApp<App>({ service: 'admin', env: settings })
healthRoutes(app, (env) => ({ d1: d1Check(env.DB) }))
addDeadLetterRoutes(app)

export default { fetch: app.fetch, queue: consumeDeadLetters } satisfies ExportedHandler<Env>
