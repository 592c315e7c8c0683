import { Logger } from '@menagerie/core'
import { metricsHubName } from '@menagerie/durable-objects/metrics-hub'
import type { Env } from './context.ts'
import { Pipeline } from './pipeline.ts'

export { MetricsHub } from '@menagerie/durable-objects/metrics-hub'

const logger = new Logger({ service: 'telemetry' })

const pipeline = new Pipeline({
  now: () => Date.now(),
  newId: () => crypto.randomUUID(),
  wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  report: logger.warn,
})

export default {
  /** Nothing is thrown out of here: a fault of telemetry's is a line of telemetry's. */
  tail(events, env, ctx) {
    try {
      const work = pipeline.take(events, ({ id, deltas }) =>
        env.METRICS_HUB.getByName(metricsHubName).record(id, deltas),
      )
      if (work) ctx.waitUntil(work.catch((error) => logger.error('a flush failed', { error })))
    } catch (error) {
      logger.error('events could not be read', { error })
    }
  },
} satisfies ExportedHandler<Env>
