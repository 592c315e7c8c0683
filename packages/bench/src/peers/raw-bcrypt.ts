import { compare } from 'bcryptjs'
import { Hono } from 'hono'

interface Env {
  HASH: string
  PASSWORD: string
}

/** The least a sign-in can cost: one comparison. */
const app = new Hono<{ Bindings: Env }>()
app.post('/compare', async (c) => {
  const equal = await compare(c.env.PASSWORD, c.env.HASH)
  return c.json({ equal }, equal ? 200 : 500)
})

export default app
