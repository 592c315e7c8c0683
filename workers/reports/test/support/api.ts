import {
  createExecutionContext,
  createMessageBatch,
  type D1Migration,
  getQueueResult,
} from 'cloudflare:test'
import { env, exports } from 'cloudflare:workers'
import { permissionsOf, type Role } from '@menagerie/contracts'
import { newId, toBase64Url } from '@menagerie/core'
import type { Env } from '../../src/context.ts'
import worker from '../../src/index.ts'

/** The Worker's env and what only tests are given. */
interface TestEnv extends Env {
  MIGRATIONS: D1Migration[]
  TEST_SIGNING_KEY: JsonWebKey & { kid: string }
}

export const testEnv = env as unknown as TestEnv
const http = (exports as unknown as { default: Fetcher }).default
const encoder = new TextEncoder()

/** An access token of somebody with a role. */
export async function tokenOf(role: Role): Promise<string> {
  const { TEST_SIGNING_KEY: jwk, PUBLIC_URL, REALM, CLIENT_ID } = testEnv
  const sid = newId()
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: `${PUBLIC_URL}/auth/realms/${REALM}`,
    iat: now,
    exp: now + 900,
    jti: newId(),
    typ: 'Bearer',
    sub: newId(),
    azp: CLIENT_ID,
    session_state: sid,
    sid,
    acr: '1',
    resource_access: { [CLIENT_ID]: { roles: [role] } },
    scope: 'email profile',
    email_verified: true,
    preferred_username: '+12025550199',
    permissions: permissionsOf([role]),
  }
  const key = await crypto.subtle.importKey(
    'jwk',
    jwk,
    { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const part = (value: object) => toBase64Url(encoder.encode(JSON.stringify(value)))
  const body = `${part({ alg: 'RS256', kid: jwk.kid, typ: 'JWT' })}.${part(claims)}`
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
  token: string | undefined,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await http.fetch(`${testEnv.PUBLIC_URL}${path}`, {
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  }
}

/** Delivers messages as the queue does; tells which were acknowledged and which are to come again. */
export async function deliver(messages: readonly { id: string; body: unknown }[]) {
  const batch = createMessageBatch(
    'menagerie-history',
    messages.map((message) => ({ ...message, timestamp: new Date(), attempts: 1 })),
  )
  const context = createExecutionContext()
  await worker.queue(batch, testEnv)
  const { explicitAcks, retryMessages } = await getQueueResult(batch, context)
  return { acked: explicitAcks, retried: retryMessages.map(({ msgId }) => msgId) }
}

export const emptyHistory = () =>
  testEnv.DB.batch(
    ['call_facts', 'call_rollups'].map((table) => testEnv.DB.prepare(`DELETE FROM ${table}`)),
  )
