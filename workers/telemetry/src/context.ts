import type { MetricsHub } from '@menagerie/durable-objects/metrics-hub'

/** What the Worker is given. */
export interface Env {
  METRICS_HUB: DurableObjectNamespace<MetricsHub>
}
