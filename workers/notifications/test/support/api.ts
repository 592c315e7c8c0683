import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { permissionsOf, type Role } from '@menagerie/contracts'
import { newId, toBase64Url } from '@menagerie/core'
import { vi } from 'vitest'
import consumer from '../../src/index.ts'
import type { SentEmail } from './provider.ts'
import type { TestEnv } from './test-env.ts'

/** Waits for a condition, long enough for a busy machine. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 10_000, interval: 20 })

export const testEnv = env as unknown as TestEnv
const worker = (exports as unknown as { default: Fetcher }).default
const encoder = new TextEncoder()

/** Somebody with a token. */
export interface Caller {
  id: string
  sessionId: string
  token: string
}

export const aUser = (role: Role): Promise<Caller> => {
  const id = newId()
  const sessionId = newId()
  const claims = {
    typ: 'Bearer',
    sub: id,
    azp: testEnv.CLIENT_ID,
    session_state: sessionId,
    sid: sessionId,
    acr: '1',
    resource_access: { [testEnv.CLIENT_ID]: { roles: [role] } },
    scope: 'email profile',
    email_verified: true,
    preferred_username: '+12025550199',
    permissions: permissionsOf([role]),
  }
  return sign(claims).then((token) => ({ id, sessionId, token }))
}

async function sign(claims: object): Promise<string> {
  const { TEST_SIGNING_KEY: jwk, PUBLIC_URL, REALM } = testEnv
  const key = await crypto.subtle.importKey(
    'jwk',
    jwk,
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const now = Math.floor(Date.now() / 1000)
  const registered = { iss: `${PUBLIC_URL}/auth/realms/${REALM}`, iat: now, exp: now + 900 }
  const part = (value: object) => toBase64Url(encoder.encode(JSON.stringify(value)))
  const body = `${part({ alg: 'RS256', kid: jwk.kid, typ: 'JWT' })}.${part({ ...registered, jti: newId(), ...claims })}`
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, encoder.encode(body))
  return `${body}.${toBase64Url(new Uint8Array(signature))}`
}

/** What the tests look at in an answer; missing members are `undefined`. */
export interface Answer {
  status: number
  headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests read whatever members an answer has
  body: any
}

export async function ask(
  caller: Caller | undefined,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await worker.fetch(`${testEnv.PUBLIC_URL}${path}`, {
    method,
    headers: {
      ...(caller === undefined ? {} : { authorization: `Bearer ${caller.token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return read(response)
}

/** Opens a socket as a client does. */
export const connect = (path: string, headers: Record<string, string>): Promise<Response> =>
  worker.fetch(`${testEnv.PUBLIC_URL}${path}`, { headers: { upgrade: 'websocket', ...headers } })

/** What the provider took for an address, and how often it was asked. */
export async function mailTo(to: string): Promise<{ emails: SentEmail[]; attempts: number }> {
  const response = await fetch(`${testEnv.EMAIL_API_URL}/sent?to=${encodeURIComponent(to)}`)
  return (await response.json()) as { emails: SentEmail[]; attempts: number }
}

let addresses = 0

/** An address of its own, for which the provider follows the plan. */
export const addressWith = (plan: string): string => `${plan}+${addresses++}@plan.test`

/** Hands messages to the Worker as a queue does; says which were let go and which come again. */
export async function deliver(queue: string, ...bodies: unknown[]) {
  const batch = createMessageBatch(
    `menagerie-${queue}`,
    bodies.map((body, i) => ({ id: `m${i}`, body, timestamp: new Date(), attempts: 1 })),
  )
  const context = createExecutionContext()
  await consumer.queue(batch, testEnv)
  const { explicitAcks, retryMessages } = await getQueueResult(batch, context)
  return { acked: explicitAcks, retried: retryMessages.map(({ msgId }) => msgId) }
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const body = isJson ? JSON.parse(text) : text
  return { status: response.status, headers: response.headers, body }
}
