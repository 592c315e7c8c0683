import { env, exports } from 'cloudflare:workers'
import { permissionsOf, type Role } from '@menagerie/contracts'
import { newId, toBase64Url } from '@menagerie/core'
import { vi } from 'vitest'
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

/** @param acr "2" where a second factor was shown */
export const aUser = (role: Role, acr: '1' | '2' = '2'): Promise<Caller> =>
  aToken(testEnv.CLIENT_ID, role, '+12025550199', acr)

/** The bridge, with a token of its own. */
export const theBridge = (): Promise<Caller> =>
  aToken('bridge', 'bridge', 'service-account-bridge', '1')

export const aService = async (audience: string): Promise<string> =>
  sign({ typ: 'Service', sub: 'gateway', azp: 'gateway', aud: audience })

async function aToken(azp: string, role: Role, username: string, acr: string): Promise<Caller> {
  const id = newId()
  const sessionId = newId()
  const token = await sign({
    typ: 'Bearer',
    sub: id,
    azp,
    session_state: sessionId,
    sid: sessionId,
    acr,
    resource_access: { [azp]: { roles: [role] } },
    scope: 'email profile',
    email_verified: true,
    preferred_username: username,
    permissions: permissionsOf([role]),
  })
  return { id, sessionId, token }
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
  caller: Pick<Caller, 'token'> | undefined,
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
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  }
}

/** Opens a socket as a client does. */
export const connect = (path: string, headers: Record<string, string>): Promise<Response> =>
  worker.fetch(`${testEnv.PUBLIC_URL}${path}`, { headers: { upgrade: 'websocket', ...headers } })

/** Registers a device and gives its id. */
export async function aDevice(owner: Caller, body: object = {}): Promise<string> {
  const answer = await ask(owner, 'POST', '/devices', body)
  if (answer.status !== 201) throw new Error(`registering answered ${answer.status}`)
  return answer.body.data.id
}

/** A message as the bridge hands it over; `topic` from the device on. */
export const message = (
  deviceId: string,
  topic: string,
  payload: unknown,
  changes: object = {},
) => ({
  topic: `v1/devices/${deviceId}/${topic}`,
  payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  qos: 1,
  receivedAt: new Date().toISOString(),
  ...changes,
})

/** Hands messages over as the bridge does. */
export const handOver = (bridge: Caller, ...messages: object[]): Promise<Answer> =>
  ask(bridge, 'POST', '/devices/bridge/messages', { link: 'default', messages })
