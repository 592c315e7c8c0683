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

export class ServiceTokens extends WorkerEntrypoint {
  mint(audience) {
    return { token: `service-token-for-${audience}`, expiresAt: Date.now() + 300_000 }
  }
}

/** What is not told otherwise has a verified address; the end of an id says who is different. */
function contact(userId) {
  const known = { email: `${userId}@example.com`, emailVerified: true }
  if (userId.endsWith('dead')) return undefined
  if (userId.endsWith('0bad')) return { ...known, emailVerified: false }
  if (userId.endsWith('0e11')) return { ...known, email: null }
  return known
}

export default {
  fetch(request, env) {
    const userId = /^\/internal\/contacts\/([\w-]+)$/.exec(new URL(request.url).pathname)?.[1]
    if (userId === undefined) return Response.json(env.JWKS)
    if (request.headers.get('authorization') !== 'Bearer service-token-for-accounts')
      return new Response(null, { status: 401 })
    // Away for a moment.
    if (userId.endsWith('0503')) return new Response(null, { status: 503 })
    const data = contact(userId)
    return data === undefined ? new Response(null, { status: 404 }) : Response.json({ data })
  },
}
