import { env, exports } from 'cloudflare:workers'
import { permissionsOf, type Role } from '@menagerie/contracts'
import { newId, toBase64Url } from '@menagerie/core'
import { voiceStatusPath } from '@menagerie/durable-objects/call-room'
import { vi } from 'vitest'
import { twilioSignature } from '../../src/carriers/twilio/signature.ts'
import type { TestEnv } from './test-env.ts'

/** Waits for a condition, long enough for a busy machine. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  vi.waitFor(check, { timeout: 20_000, interval: 20 })

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

export const aService = async (audience: string): Promise<string> =>
  sign({ typ: 'Service', sub: 'gateway', azp: 'gateway', aud: audience })

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

/** The carrier's calls that carry a call's token. */
export async function placed(callId: string): Promise<{ sid: string; status: string }[]> {
  const response = await fetch(`${testEnv.CARRIER_API_URL}/calls`)
  const { data } = (await response.json()) as {
    data: { token: string; sid: string; status: string }[]
  }
  return data.filter(({ token }) => token === callId)
}

/** What the carrier tells of a call that it has taken. */
export async function tell(callId: string, CallStatus: string, sequence = 0): Promise<Answer> {
  const CallSid = await eventually(async () => {
    const [call] = await placed(callId)
    if (call === undefined) throw new Error('The carrier was not asked to dial')
    return call.sid
  })
  return webhook(callId, { CallSid, CallStatus, SequenceNumber: String(sequence) })
}

/** A webhook of the carrier about a call, signed unless a signature is given. */
export async function webhook(
  callId: string,
  fields: Record<string, string>,
  options: { path?: string; signature?: string; contentType?: string } = {},
): Promise<Answer> {
  const path = `${options.path ?? voiceStatusPath}?callId=${callId}`
  const form = new URLSearchParams(fields)
  const url = `${testEnv.PUBLIC_URL}${path}`
  const signature =
    options.signature ?? (await twilioSignature(testEnv.CARRIER_AUTH_TOKEN, url, form))
  const contentType = options.contentType ?? 'application/x-www-form-urlencoded'
  return read(
    await worker.fetch(url, {
      method: 'POST',
      headers: { 'content-type': contentType, 'x-twilio-signature': signature },
      body: form.toString(),
    }),
  )
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.includes('json') ?? false
  const body = isJson ? JSON.parse(text) : text
  return { status: response.status, headers: response.headers, body }
}
