import { Logger } from '@menagerie/core/logger'
import { createMetrics } from '../src/metrics/metrics.ts'

/** Metrics and a logger for a part alone. What is logged goes nowhere. */
export const quiet = () => ({
  metrics: createMetrics({
    inFlight: () => 0,
    troubled: () => 0,
    ready: () => true,
    active: () => true,
  }),
  logger: new Logger({ service: 'test', write: () => {} }),
})
