import { createApp, d1Check, healthRoutes } from '@menagerie/core'
import { type App, type Env, settingsOf } from './context.ts'
import { agentRoutes } from './routes/agents.ts'
import { callRoutes } from './routes/calls.ts'
import { conversationRoutes } from './routes/conversations.ts'
import { flowRoutes } from './routes/flows.ts'
import { historyRoutes } from './routes/history.ts'
import { internalRoutes } from './routes/internal.ts'
import { proofRoutes } from './routes/proof.ts'
import { queueRoutes } from './routes/queues.ts'
import { webhookRoutes } from './routes/webhooks.ts'

const app = createApp<App>({ service: 'communications', env: settingsOf })

healthRoutes(app, (env) => ({ database: d1Check(env.DB) }))
historyRoutes(app)
callRoutes(app)
proofRoutes(app)
queueRoutes(app)
agentRoutes(app)
flowRoutes(app)
conversationRoutes(app)
webhookRoutes(app)
internalRoutes(app)

export { AgentDesk } from '@menagerie/durable-objects/agent-desk'
export { CallRoom } from '@menagerie/durable-objects/call-room'
export { ContactQueue } from '@menagerie/durable-objects/contact-queue'
export { Conversation } from '@menagerie/durable-objects/conversation'

export default { fetch: app.fetch } satisfies ExportedHandler<Env>
