import { createApp, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { signingKeysOf } from './deployment.ts'
import { wakeSweeper } from './outbox.ts'
import { authRoutes } from './routes/auth.ts'
import { internalRoutes } from './routes/internal.ts'
import { realmRoutes } from './routes/realm.ts'
import { userRoutes } from './routes/users.ts'

const app = createApp<App>({ service: 'accounts', env: settingsOf })

// Whatever an isolate before this one has left behind goes out with the first request.
const woken = new WeakSet<Env>()
app.use(async (c, next) => {
  if (!woken.has(c.env)) {
    woken.add(c.env)
    c.executionCtx.waitUntil(wakeSweeper(c.env))
  }
  await next()
})

healthRoutes(app, (env) => ({
  database: async () => {
    await env.DB.prepare('SELECT 1 FROM users LIMIT 1').first()
    return undefined
  },
  signingKeys: async () => ({ count: (await signingKeysOf(env).keys(false)).keys.length }),
}))
authRoutes(app)
userRoutes(app)
realmRoutes(app)
internalRoutes(app)

export { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'
export { UserSessions } from '@menagerie/durable-objects/user-sessions'
export { ServiceTokens } from './tokens/service-tokens.ts'

export default {
  fetch: app.fetch,
  scheduled: (_controller, env) => wakeSweeper(env),
} satisfies ExportedHandler<Env>
