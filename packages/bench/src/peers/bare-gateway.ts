import { Hono } from 'hono'

interface Env {
  PROFILE: { fetch(request: Request): Promise<Response> }
}

/** The least a gateway can do: hand a request to a service over its binding. */
const app = new Hono<{ Bindings: Env }>()
app.get('/users/profile', (c) => c.env.PROFILE.fetch(c.req.raw))

export default app
