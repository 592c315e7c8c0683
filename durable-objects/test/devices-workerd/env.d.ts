/// <reference types="@cloudflare/vitest-plugin/types" />

declare namespace Cloudflare {
  interface Env {
    DB: D1Database
    DEVICE_TWIN: DurableObjectNamespace<import('../../src/device-twin/index.ts').DeviceTwin>
    BRIDGE_LINK: DurableObjectNamespace<import('../../src/bridge-link/index.ts').BridgeLink>
  }
}
