import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers'

/** Sessions that stand until a test says otherwise. */
export class UserSessions extends DurableObject {
  registerSocket(sid) {
    return !(this.ctx.storage.kv.get(`ended:${sid}`) ?? false)
  }

  unregisterSocket() {}

  end(sid) {
    this.ctx.storage.kv.put(`ended:${sid}`, true)
  }
}

export class ServiceTokens extends WorkerEntrypoint {}

export default { fetch: (_request, env) => Response.json(env.JWKS) }
