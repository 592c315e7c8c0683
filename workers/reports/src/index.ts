import { commonSettings, createApp, healthRoutes } from '@menagerie/core'
import type { App, Env } from './context.ts'

const app = createApp<App>({ service: 'reports', env: commonSettings })
healthRoutes(app, () => ({}))

export default { fetch: app.fetch } satisfies ExportedHandler<Env>
