import { DurableObject } from 'cloudflare:workers'
import type { SocketOwner } from '@menagerie/contracts'

export { BridgeLink } from '../../src/bridge-link/index.ts'
export { DeviceTwin } from '../../src/device-twin/index.ts'

/** Sessions that stand unless they are called `ended`. Stands for those of accounts. */
export class UserSessions extends DurableObject {
  async registerSocket(sid: string, owner: SocketOwner): Promise<boolean> {
    this.ctx.storage.kv.put(`socket:${sid}`, owner)
    return sid !== 'ended'
  }

  async unregisterSocket(sid: string): Promise<void> {
    this.ctx.storage.kv.delete(`socket:${sid}`)
  }
}

/** What came out of a queue is kept, so that tests can look. */
export default {
  fetch: () => new Response(null, { status: 404 }),
  async queue(batch, env) {
    await env.DB.batch(
      batch.messages.map(({ body }) =>
        env.DB.prepare('INSERT INTO received (queue, body) VALUES (?, ?)').bind(
          batch.queue,
          JSON.stringify(body),
        ),
      ),
    )
  },
} satisfies ExportedHandler<{ DB: D1Database }>
