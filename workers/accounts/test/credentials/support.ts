import type { CloudEvent, TokenResponse, TotpSetup } from '@menagerie/contracts'
import { DELIVERY_PURPOSE, newId, unseal } from '@menagerie/core'
import { codeOfStep, stepAt } from '../../src/credentials/totp.ts'
import { type Answer, call, env, password, seeded } from '../support/accounts.ts'

/** An address no other test comes from, so that no budget is shared. */
export const freshAddress = (): string => {
  const [a = 0, b = 0, c = 0] = crypto.getRandomValues(new Uint8Array(3))
  return `10.${a}.${b}.${c}`
}

/** A number nobody else uses. */
export const freshNumber = (): string => {
  const [value = 0] = crypto.getRandomValues(new Uint32Array(1))
  return `+1312${String(2_000_000 + (value % 7_000_000))}`
}
export const freshEmail = (): string => `${newId()}@example.com`

/** A request from an address of its own. */
export const ask = <T = unknown>(
  path: string,
  options: Parameters<typeof call>[1] = {},
): Promise<Answer<T>> =>
  call<T>(path, {
    ...options,
    headers: { 'cf-connecting-ip': freshAddress(), ...options.headers },
  })

export const login = (username: string, secret = password) =>
  ask<TokenResponse>('/auth/login', { body: { username, password: secret } })

/** An account, and the token of a sign-in with its password. */
export async function account(username = freshNumber(), role = 'user') {
  await seeded(role, username)
  const answer = await login(username)
  if (answer.status !== 200) throw new Error(`sign-in answered ${answer.status}`)
  return { username, id: await idOf(username), token: answer.body.data.access_token }
}

export async function idOf(username: string): Promise<string> {
  const row = await env.DB.prepare('SELECT id FROM users WHERE username = ?')
    .bind(username)
    .first<{ id: string }>()
  return row?.id ?? ''
}

/** The code an app shows now, or some steps away. */
export const codeAt = (secret: string, steps = 0): string =>
  codeOfStep(secret, stepAt(Date.now()) + steps)

/** Turns the second factor on. Its last code is the one before the running one, so that the running one is unused. */
export async function withTotp(of: { token: string; id: string }) {
  const setup = await ask<TotpSetup>('/users/profile/mfa/totp', { method: 'POST', token: of.token })
  if (setup.status !== 201) throw new Error(`setup answered ${setup.status}`)
  const { secret } = setup.body.data
  const confirmed = await ask<{ codes: string[] }>('/users/profile/mfa/totp', {
    method: 'PUT',
    token: of.token,
    body: { code: codeAt(secret) },
  })
  if (confirmed.status !== 200) throw new Error(`confirmation answered ${confirmed.status}`)
  await forgetLastStep(of.id)
  return { secret, codes: confirmed.body.data.codes }
}

/** Lets the running code count as unused: no test waits half a minute for the next one. */
export const forgetLastStep = (userId: string) =>
  env.DB.prepare('UPDATE totp SET last_step = 0 WHERE user_id = ?').bind(userId).run()

/** A session's token with a fresh second factor. */
export async function steppedUp(of: { token: string; id: string }, secret: string) {
  const answer = await ask<{ access_token: string }>('/auth/step-up', {
    token: of.token,
    body: { method: 'totp', code: codeAt(secret) },
  })
  if (answer.status !== 200) throw new Error(`step-up answered ${answer.status}`)
  await forgetLastStep(of.id)
  return answer.body.data.access_token
}

/** A sign-in that waits for its second factor. */
export async function halfSignedIn(username: string) {
  const answer = await login(username)
  const { mfaToken, methods } = answer.body as unknown as { mfaToken: string; methods: string[] }
  return { status: answer.status, code: answer.body.code, mfaToken, methods }
}

type Requested = CloudEvent<'notification.requested.v1'>

async function outboxOf<T>(destination: string): Promise<T[]> {
  const { results } = await env.DB.prepare(
    'SELECT body FROM outbox WHERE destination = ? ORDER BY rowid',
  )
    .bind(destination)
    .all<{ body: string }>()
  return results.map(({ body }) => JSON.parse(body) as T)
}

/** What was sent to a number or an address, opened, oldest first. */
export async function messagesTo(
  to: string,
): Promise<{ title: string; body: string; category: string }[]> {
  const events = (await outboxOf<Requested>('deliveries')).filter(({ data }) =>
    JSON.stringify(data.recipient).includes(`"${to}"`),
  )
  return Promise.all(
    events.map(async ({ data }) => {
      if (!('sealed' in data.content)) throw new Error('A secret that is not sealed')
      const text = await unseal(
        env.DELIVERY_KEY,
        DELIVERY_PURPOSE,
        data.content.sealed,
        data.deliveryId,
      )
      return { ...(JSON.parse(text) as { title: string; body: string }), category: data.category }
    }),
  )
}

/** The code that was sent last. */
export async function lastCodeTo(to: string): Promise<string> {
  const codes = (await messagesTo(to)).filter(({ category }) => category === 'one-time-code')
  return /\d{6}/.exec(codes.at(-1)?.body ?? '')?.[0] ?? ''
}

/** Another code than this one. */
export const wrong = (code: string): string =>
  String((Number(code) + 1) % 1_000_000).padStart(6, '0')

/** The audit events of an account, oldest first. */
export async function auditsOf(userId: string): Promise<string[]> {
  const events = await outboxOf<CloudEvent<'audit.recorded.v1'>>('audit')
  return events.filter(({ data }) => data.target.id === userId).map(({ data }) => data.action)
}

/** Everything D1 holds, as text. */
export async function dump(): Promise<string> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'
     AND name NOT LIKE 'sqlite%' AND sql NOT LIKE '%VIRTUAL%' AND name NOT LIKE '%fts%' AND name NOT LIKE '%search%'`,
  ).all<{ name: string }>()
  const tables = await Promise.all(
    results.map(({ name }) => env.DB.prepare(`SELECT * FROM "${name}"`).all()),
  )
  return JSON.stringify(tables.map(({ results: rows }) => rows))
}
