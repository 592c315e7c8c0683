import type { DemoDevice } from './demo-device.ts'
import type { DemoUser } from './demo-users.ts'
import type { MqttSide } from './mqtt-side.ts'
import type { Secrets } from './secrets.ts'

/** A running system, however it was started. */
export interface RunningSystem {
  /** The gateway, such as `http://localhost:8787`. */
  url: string
  /** The same for WebSockets, such as `ws://localhost:8787`. */
  wsUrl: string
  dataDir: string
  secrets: Secrets
  /** The seeded users; empty without `seed`. */
  users: readonly DemoUser[]
  /** The lab, when it was asked for. */
  labUrl: string | undefined
  /** Broker and bridge, when they were asked for. */
  mqtt?: MqttSide | undefined
  /** The seeded device; only with `seed` and `mqtt`. */
  device?: DemoDevice | undefined
  /** What the Workers and the runtime wrote so far. */
  logs(): string
  /** Ends everything, the lab too. Safe to call twice. */
  stop(): Promise<void>
}

/** A system under `wrangler dev`: its storage outlives it, and it can be killed. */
export interface System extends RunningSystem {
  port: number
  /** The process group that holds wrangler and workerd; `undefined` while they are down. */
  readonly pid: number | undefined
  /** New at every start; what was sent under another one is sent again. */
  readonly bootId: string
  /** Ends wrangler and every workerd at once with SIGKILL. Lab, broker and bridge, which are not the edge, stay. */
  kill(): Promise<void>
  /** Starts again on the same storage and port under a new BOOT_ID; ends what still runs. Returns when ready. */
  restart(): Promise<void>
}
