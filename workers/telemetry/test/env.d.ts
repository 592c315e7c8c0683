/// <reference types="@cloudflare/vitest-plugin/types" />

declare namespace Cloudflare {
  interface Env {
    METRICS_HUB: DurableObjectNamespace<import('@menagerie/durable-objects/metrics-hub').MetricsHub>
  }
}
