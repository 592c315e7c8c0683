import { exports } from 'cloudflare:workers'
import { createHash, randomBytes } from 'node:crypto'
import type { AuthenticationMethod, GrantType } from '@menagerie/contracts'
import { newId, sha256Hex } from '@menagerie/core'
import { findByIdentifier } from '../../src/db/users.ts'
import { finishConsent, finishLogin, loadInteraction } from '../../src/oauth/interactions.ts'
import { env } from './accounts.ts'

const worker = (exports as unknown as { default: Fetcher }).default

export const origin = 'http://localhost:8787'
export const realm = '/auth/realms/menagerie'
export const protocol = `${realm}/protocol/openid-connect`
export const issuer = `${origin}${realm}`
export const redirectUri = 'https://app.example/callback'

export interface TestClient {
  id: string
  secret: string | null
}

/** A registered client; confidential where it has a secret. */
export async function registered(
  options: Partial<{
    type: 'public' | 'confidential'
    redirectUris: string[]
    grantTypes: GrantType[]
    scopes: string[]
    roles: string[]
    firstParty: boolean
  }> = {},
): Promise<TestClient> {
  const id = `app-${newId()}`
  const secret = options.type === 'confidential' ? randomBytes(24).toString('base64url') : null
  await env.DB.prepare(
    `INSERT INTO oauth_clients (id, type, name, secret_hash, redirect_uris, post_logout_redirect_uris, grant_types,
       scopes, roles, first_party, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
    .bind(
      id,
      options.type ?? 'public',
      'Test app',
      secret === null ? null : await sha256Hex(secret),
      JSON.stringify(options.redirectUris ?? [redirectUri]),
      JSON.stringify(['https://app.example/bye']),
      JSON.stringify(options.grantTypes ?? ['authorization_code', 'refresh_token']),
      JSON.stringify(options.scopes ?? ['openid', 'profile', 'email', 'phone', 'profile:read']),
      JSON.stringify(options.roles ?? []),
      options.firstParty === true ? 1 : 0,
      Date.now(),
      Date.now(),
    )
    .run()
  return { id, secret }
}

export interface Reply {
  status: number
  headers: Headers
  text: string
  body: Record<string, unknown>
}

/** One request with a cookie jar, as a browser that follows nothing. */
export class Browser {
  readonly #jar = new Map<string, { value: string; path: string }>()
  /** Every `Set-Cookie` seen. */
  readonly set: string[] = []

  async open(url: string, form?: Record<string, string>): Promise<Reply> {
    const { pathname, search } = new URL(url, origin)
    const cookies = [...this.#jar]
      .filter(([, { path }]) => pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
    const response = await worker.fetch(`http://accounts.test${pathname}${search}`, {
      method: form === undefined ? 'GET' : 'POST',
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(cookies.length === 0 ? {} : { cookie: cookies.join('; ') }),
        ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      },
      ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
    })
    for (const line of response.headers.getSetCookie()) this.#keep(line)
    return reply(response)
  }

  #keep(line: string): void {
    this.set.push(line)
    const [pair = '', ...attributes] = line.split(/; */)
    const [name = '', value = ''] = pair.split(/=(.*)/)
    const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/'
    if (value === '' || /expires=thu, 01 jan 1970/i.test(line)) this.#jar.delete(name)
    else this.#jar.set(name, { value, path })
  }
}

async function reply(response: Response): Promise<Reply> {
  const text = await response.text()
  const { status, headers } = response
  const json = (headers.get('content-type') ?? '').includes('json')
  return { status, headers, text, body: json ? JSON.parse(text) : {} }
}

/** As RFC 6749 §2.3.1 writes it: each part form-encoded, then base64. */
export const basic = (id: string, secret: string) => {
  const encoded = [id, secret].map((part) => new URLSearchParams({ part }).toString().slice(5))
  return { authorization: `Basic ${btoa(encoded.join(':'))}` }
}

/** A form to an endpoint of clients, which say who they are in the body or by `Basic`. */
export async function post(
  path: string,
  form: Record<string, string> | string,
  client?: TestClient,
  headers: Record<string, string> = {},
): Promise<Reply> {
  const who: Record<string, string> =
    client === undefined
      ? {}
      : client.secret === null
        ? { client_id: client.id }
        : { client_id: client.id, client_secret: client.secret }
  const body = typeof form === 'string' ? form : new URLSearchParams({ ...who, ...form }).toString()
  const response = await worker.fetch(`http://accounts.test${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body,
  })
  return reply(response)
}

export const token = (
  form: Record<string, string> | string,
  client?: TestClient,
  headers?: Record<string, string>,
): Promise<Reply> => post(`${protocol}/token`, form, client, headers)

/** A PKCE pair (RFC 7636 §4.1–4.2). */
export function pkce(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** The address a client sends a browser to. */
export function authorizeUrl(
  client: TestClient,
  challenge: string,
  changes: Record<string, string | undefined> = {},
): string {
  const parameters = {
    client_id: client.id,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: 'openid profile email',
    state: 'a state',
    nonce: 'a nonce',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...changes,
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) query.set(name, value)
  return `${protocol}/auth?${query}`
}

const locationOf = (answer: Reply): string => answer.headers.get('location') ?? ''

/** The account behind a user name. */
export async function accountOf(username: string): Promise<string> {
  const user = await findByIdentifier(env.DB, { column: 'username', value: username })
  if (user === undefined) throw new Error(`nobody is ${username}`)
  return user.id
}

/** Goes on from an answer of the engine through its pages, until it leads elsewhere or shows something. */
export async function throughPages(
  browser: Browser,
  answer: Reply,
  username: string,
  methods: AuthenticationMethod[] = ['pwd'],
): Promise<{ answer: Reply; pages: string[] }> {
  const pages: string[] = []
  let at = answer
  for (let steps = 0; steps < 8; steps++) {
    const location = locationOf(at)
    if (at.status !== 303 || !new URL(location, origin).href.startsWith(issuer)) break
    const uid = /\/interaction\/([^/?]+)$/.exec(location)?.[1]
    if (uid === undefined) {
      at = await browser.open(location)
      continue
    }
    const interaction = await loadInteraction(env, uid)
    if (interaction === undefined) throw new Error('the interaction is over')
    pages.push(interaction.prompt)
    const next =
      interaction.prompt === 'login'
        ? await finishLogin(env, uid, { accountId: await accountOf(username), methods })
        : await finishConsent(env, uid)
    at = await browser.open(next)
  }
  return { answer: at, pages }
}

export interface SignedIn {
  browser: Browser
  code: string
  verifier: string
  callback: URL
  pages: string[]
}

/** A code for a client, by a browser that signs in and agrees where it is asked. */
export async function codeFor(
  client: TestClient,
  username: string,
  changes: Record<string, string | undefined> = {},
  browser = new Browser(),
  methods?: AuthenticationMethod[],
): Promise<SignedIn> {
  const { verifier, challenge } = pkce()
  const first = await browser.open(authorizeUrl(client, challenge, changes))
  const { answer, pages } = await throughPages(browser, first, username, methods)
  const location = locationOf(answer)
  if (location === '') throw new Error(`no redirect but ${answer.status}: ${answer.text}`)
  const callback = new URL(location)
  return { browser, verifier, callback, pages, code: callback.searchParams.get('code') ?? '' }
}

export const exchange = (
  client: TestClient,
  { code, verifier }: Pick<SignedIn, 'code' | 'verifier'>,
  changes: Record<string, string> = {},
): Promise<Reply> =>
  token(
    {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: redirectUri,
      ...changes,
    },
    client,
  )

/** The tokens of a whole sign-in. */
export async function tokensOf(
  client: TestClient,
  username: string,
  changes: Record<string, string | undefined> = {},
): Promise<Record<string, string>> {
  const { status, body } = await exchange(client, await codeFor(client, username, changes))
  if (status !== 200) throw new Error(`the token endpoint answered ${JSON.stringify(body)}`)
  return body as Record<string, string>
}

export const refreshWith = (
  client: TestClient,
  refreshToken: string,
  changes: Record<string, string> = {},
): Promise<Reply> =>
  token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes }, client)
