import { Hono } from 'hono'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'

interface Env {
  JWKS: string
  ISSUER: string
}

let keys: ReturnType<typeof createLocalJWKSet> | undefined

/** What a Worker does that checks every token anew, with keys that are at hand. */
const app = new Hono<{ Bindings: Env }>()
app.get('/verified', async (c) => {
  keys ??= createLocalJWKSet(JSON.parse(c.env.JWKS) as JSONWebKeySet)
  const token = c.req.header('authorization')?.slice('Bearer '.length) ?? ''
  const { payload } = await jwtVerify(token, keys, { algorithms: ['RS256'], issuer: c.env.ISSUER })
  return c.json({ sub: payload.sub })
})

export default app
