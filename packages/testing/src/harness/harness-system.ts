import type { D1Database } from '@cloudflare/workers-types'
import type { FaultProxy } from '../fault-proxy.ts'
import type { RunningSystem } from '../launcher/system.ts'

/** A Durable Object by the Worker that exports its class. */
export interface ObjectName {
  /** The Worker's role, such as `communications`. */
  role: string
  /** Such as `CallRoom`. */
  className: string
  /** The name it is reached by. */
  name: string
}

/** A running system that lets a test look inside. */
export interface HarnessSystem extends RunningSystem {
  /** What stands between clients and the gateway. */
  proxy: FaultProxy
  /** A Worker's bindings and variables. */
  env(role: string): Promise<Record<string, unknown>>
  /** The D1 database that a Worker owns. */
  database(role: string): Promise<D1Database>
  /** Drops an object from memory; its storage and, unless `close` is asked for, its sockets stay. */
  evict(object: ObjectName & { webSockets?: 'hibernate' | 'close' }): Promise<void>
  /** Ids of the objects that have storage. */
  listObjects(role: string, className: string): Promise<string[]>
  /** An object's own SQLite. */
  storage(object: Omit<ObjectName, 'name'> & ({ name: string } | { id: string })): Promise<{
    exec(sql: string, ...bindings: unknown[]): Promise<unknown>
  }>
}
