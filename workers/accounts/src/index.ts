import { createApp, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { signingKeysOf } from './deployment.ts'
import { wakeSweeper } from './outbox.ts'
import { authRoutes } from './routes/auth.ts'
import { clientRoutes } from './routes/clients.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { internalRoutes } from './routes/internal.ts'
import { pageRoutes } from './routes/pages.ts'
import { realmRoutes } from './routes/realm.ts'
import { roleRoutes } from './routes/roles.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { userRoutes } from './routes/users.ts'
import { rotateIfDue } from './tokens/rotate-keys.ts'
import { sweepSessionWork } from './users/session-work.ts'

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
credentialRoutes(app)
clientRoutes(app)
userRoutes(app)
roleRoutes(app)
sessionRoutes(app)
realmRoutes(app)
pageRoutes(app)
internalRoutes(app)

export { LoginGuard } from '@menagerie/durable-objects/login-guard'
export { OAuthStore } from '@menagerie/durable-objects/oauth-store'
export { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'
export { UserSessions } from '@menagerie/durable-objects/user-sessions'
export { ServiceTokens } from './tokens/service-tokens.ts'

export default {
  fetch: app.fetch,
  scheduled: async (_controller, env) => {
    await Promise.all([wakeSweeper(env), sweepSessionWork(env), rotateIfDue(env)])
  },
} satisfies ExportedHandler<Env>
