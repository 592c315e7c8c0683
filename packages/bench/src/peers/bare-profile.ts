import type { D1Database } from '@cloudflare/workers-types'
import { Hono } from 'hono'

interface Env {
  DB: D1Database
  USER_ID: string
}

/** The least a profile can cost: one row read from D1, no token, no session, no log. */
const app = new Hono<{ Bindings: Env }>()
app.get('/users/profile', async (c) => {
  const row = await c.env.DB.prepare('SELECT * FROM users WHERE id = ?').bind(c.env.USER_ID).first()
  return c.json({ data: row })
})

export default app
