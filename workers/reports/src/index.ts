import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { consumeHistory } from './history-queue.ts'
import { reportRoutes } from './routes/reports.ts'

const app = createApp<App>({ service: 'reports', env: settingsOf })
healthRoutes(app, (env) => ({ database: d1Check(env.DB) }))
reportRoutes(app)

export default { fetch: app.fetch, queue: consumeHistory } satisfies ExportedHandler<Env>
