import type { Context } from 'hono'
import type { App } from './context.ts'

/** A page may load its own files and call its own host; nothing may frame it. */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** A file of the console. */
export async function servePage(c: Context<App>): Promise<Response> {
  const file = await c.env.ASSETS.fetch(c.req.raw)
  const response = new Response(file.body, file)
  response.headers.set('content-security-policy', policy)
  return response
}
