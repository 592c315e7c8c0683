import { exports, env as untyped } from 'cloudflare:workers'
import type { Problem, TokenResponse } from '@menagerie/contracts'
import type { Env } from '../../src/context.ts'
import { type SeedUser, seedStatements } from '../../src/seed.ts'

/** The Worker's own settings and bindings. */
export const env = untyped as unknown as Env

const worker = (exports as unknown as { default: Fetcher }).default

export interface Answer<T = unknown> {
  status: number
  headers: Headers
  body: { data: T; meta: { requestId: string; nextCursor?: string } } & Problem
}

export interface Call {
  method?: string
  body?: unknown
  token?: string | undefined
  headers?: Record<string, string>
}

/** One request to the Worker, as the gateway would hand it on. */
export async function call<T = unknown>(path: string, options: Call = {}): Promise<Answer<T>> {
  const { body, token } = options
  const response = await worker.fetch(`http://accounts.test${path}`, {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? undefined : JSON.parse(text),
  } as Answer<T>
}

let numbers = 100

/** A phone number no other test of this file uses. */
export const freshPhone = (): string => `+1202555${String(numbers++).padStart(4, '0')}`

export const password = 'correct horse battery'

/** A verified account with one role. */
export async function seeded(role: SeedUser['role'], username = freshPhone()): Promise<string> {
  const user = { role, username, password, displayName: `Test ${role}` }
  const statements = await seedStatements([user], Date.now(), 4)
  await env.DB.batch(statements.map(({ sql, params }) => env.DB.prepare(sql).bind(...params)))
  return username
}

/** Signs in and gives the tokens. */
export async function signedIn(username: string): Promise<TokenResponse> {
  const answer = await call<TokenResponse>('/auth/login', { body: { username, password } })
  if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status}`)
  return answer.body.data
}

/** The claims of a token, unverified. */
export function claimsOf(token: string): Record<string, unknown> {
  const payload = token.split('.')[1] ?? ''
  return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')))
}
