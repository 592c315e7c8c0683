import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { forgetOldClaims } from './db/claims.ts'
import { forgetOldKeys } from './db/idempotency-keys.ts'
import { wakeSweeper } from './outbox.ts'
import { bridgeRoutes } from './routes/bridge.ts'
import { brokerRoutes } from './routes/broker.ts'
import { claimRoutes } from './routes/claims.ts'
import { commandRoutes } from './routes/commands.ts'
import { credentialRoutes } from './routes/credentials.ts'
import { deviceRoutes } from './routes/devices.ts'
import { internalRoutes } from './routes/internal.ts'
import { socketRoutes } from './routes/socket.ts'
import { twinRoutes } from './routes/twin.ts'

const app = createApp<App>({ service: 'devices', env: settingsOf })

// Whatever an isolate before this one has left behind goes out with the first request.
const woken = new WeakSet<Env>()
app.use(async (c, next) => {
  if (!woken.has(c.env)) {
    woken.add(c.env)
    c.executionCtx.waitUntil(wakeSweeper(c.env))
  }
  await next()
})

healthRoutes(app, (env) => ({ database: d1Check(env.DB) }))
// Before the devices: `bridge` stands where an id does.
bridgeRoutes(app)
brokerRoutes(app)
// `claim` too.
claimRoutes(app)
deviceRoutes(app)
credentialRoutes(app)
twinRoutes(app)
commandRoutes(app)
socketRoutes(app)
internalRoutes(app)

export { BridgeLink } from '@menagerie/durable-objects/bridge-link'
export { DeviceTwin } from '@menagerie/durable-objects/device-twin'
export { OutboxSweeper } from '@menagerie/durable-objects/outbox-sweeper'

export default {
  fetch: app.fetch,
  scheduled: async (_controller, env) => {
    await Promise.all([wakeSweeper(env), forgetOldKeys(env), forgetOldClaims(env)])
  },
} satisfies ExportedHandler<Env>
