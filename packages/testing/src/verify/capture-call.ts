import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { CaptureError } from './read-capture.ts'

const Demo = z.object({
  gateway: z.url(),
  users: z.array(z.object({ role: z.string(), username: z.string(), password: z.string() })),
})
const Page = z.object({
  data: z.array(z.unknown()),
  meta: z.object({ nextCursor: z.string().optional() }),
})

/**
 * Everything that proves a call's events, from the system that runs here, as its demo supervisor.
 *
 * @throws CaptureError when there is no system, or no such call
 */
export async function captureCall(dataDir: string, callId: string) {
  const path = join(dataDir, 'demo.json')
  if (!existsSync(path)) throw new CaptureError(`${path} is missing: run npm start first`)
  const { gateway, users } = Demo.parse(JSON.parse(readFileSync(path, 'utf8')))
  const user = users.find(({ role }) => role === 'supervisor')
  if (user === undefined) throw new CaptureError('The system that ran here has no supervisor')
  const { username, password } = user
  const signedIn = await ask(`${gateway}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username, password }),
  })
  const token = z.object({ data: z.object({ access_token: z.string() }) }).parse(signedIn)
  const headers = { authorization: `Bearer ${token.data.access_token}` }
  const call = `${gateway}/calls/${encodeURIComponent(callId)}`
  const events: unknown[] = []
  for (let cursor: string | undefined = '0'; cursor !== undefined; ) {
    const page = Page.parse(await ask(`${call}/events?limit=200&cursor=${cursor}`, { headers }))
    events.push(...page.data)
    cursor = page.meta.nextCursor
  }
  const proof = z
    .object({ data: z.unknown() })
    .parse(await ask(`${call}/proof?to=${Math.max(1, events.length)}`, { headers }))
  const realm = 'menagerie'
  const jwks = await ask(`${gateway}/auth/realms/${realm}/protocol/openid-connect/certs`)
  return { events, proof: proof.data, jwks }
}

async function ask(url: string, init?: RequestInit): Promise<unknown> {
  let response: Response
  try {
    response = await fetch(url, init)
  } catch (error) {
    throw new CaptureError('The system does not answer: start it with npm start', { cause: error })
  }
  if (response.ok) return response.json()
  const problem = z
    .object({ detail: z.string() })
    .safeParse(await response.json().catch(() => undefined))
  throw new CaptureError(problem.success ? problem.data.detail : `${url}: ${response.status}`)
}
