import { exports } from 'cloudflare:workers'
import type { Scope } from '@menagerie/contracts'
import { newId, randomToken, sha256Hex, toBase64Url } from '@menagerie/core'
import { env } from '../support/accounts.ts'

const worker = (exports as unknown as { default: Fetcher }).default
export const origin = 'http://localhost:8787'
export const realm = `${origin}/auth/realms/menagerie`

interface Cookie {
  name: string
  value: string
  path: string
  /** As the server wrote it. */
  header: string
}

/** What a page answered. */
export interface Page {
  url: string
  status: number
  headers: Headers
  html: string
}

/** A browser without scripts: it keeps cookies and sends forms, and follows no redirect unasked. */
export class Browser {
  /** By name; those of one path, by name and path. */
  readonly cookies = new Map<string, Cookie>()

  async open(url: string, init: RequestInit = {}): Promise<Page> {
    const address = new URL(url, origin)
    const headers = new Headers(init.headers)
    const cookie = [...this.cookies.values()]
      .filter(({ path }) => address.pathname.startsWith(path))
      .map(({ name, value }) => `${name}=${value}`)
      .join('; ')
    if (cookie !== '') headers.set('cookie', cookie)
    headers.set('accept', 'text/html')
    const response = await worker.fetch(address.href, { ...init, headers, redirect: 'manual' })
    for (const header of response.headers.getSetCookie()) this.#keep(header)
    return {
      url: address.href,
      status: response.status,
      headers: response.headers,
      html: await response.text(),
    }
  }

  /** Follows redirects as long as they stay here. */
  async follow(page: Page): Promise<Page> {
    let now = page
    for (let step = 0; step < 10; step++) {
      const next = now.headers.get('location')
      if (next === null || !new URL(next, origin).href.startsWith(`${origin}/`)) return now
      now = await this.open(next)
    }
    throw new Error('a redirect that leads in a circle')
  }

  /** Sends the page's form of a step, as a browser would. */
  submit(
    page: Page,
    fields: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Page> {
    const action = new URL(page.url).pathname
    return this.open(action, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: 'null',
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
      body: new URLSearchParams({ csrf: csrfOf(page), ...fields }).toString(),
    })
  }

  #keep(header: string): void {
    const [pair = '', ...attributes] = header.split(/;\s*/)
    const at = pair.indexOf('=')
    const name = pair.slice(0, at)
    const of = (wanted: string) =>
      attributes.find((each) => each.toLowerCase().startsWith(`${wanted}=`))?.split('=')[1]
    const over = of('max-age') === '0' || Date.parse(of('expires') ?? '') < Date.now()
    const path = of('path') ?? '/'
    const key = path === '/' ? name : `${name} ${path}`
    if (over) this.cookies.delete(key)
    else this.cookies.set(key, { name, value: pair.slice(at + 1), path, header })
  }
}

/** The token of a page's forms. */
export const csrfOf = ({ html }: Page): string =>
  /name="csrf" value="([^"]+)"/.exec(html)?.[1] ?? 'none'

export interface TestClient {
  name?: string
  firstParty?: boolean
  scopes?: Scope[]
  redirectUri?: string
}

/** A public client nobody else uses. */
export async function freshClient(client: TestClient = {}): Promise<string> {
  const id = `app-${newId()}`
  const { name = 'An app', firstParty = true, scopes = ['openid', 'profile', 'email'] } = client
  const { redirectUri = 'https://app.example/callback' } = client
  await env.DB.prepare(
    `INSERT INTO oauth_clients (id, type, name, redirect_uris, post_logout_redirect_uris,
       grant_types, scopes, roles, first_party, created_at, updated_at)
     VALUES (?, 'public', ?, ?, '[]', ?, ?, '[]', ?, 0, 0)`,
  )
    .bind(
      id,
      name,
      JSON.stringify([redirectUri]),
      JSON.stringify(['authorization_code', 'refresh_token']),
      JSON.stringify(scopes),
      firstParty ? 1 : 0,
    )
    .run()
  return id
}

/** Begins an authorization and opens the page it leads to. */
export async function begin(
  browser: Browser,
  clientId: string,
  params: Record<string, string> = {},
): Promise<Page> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(randomToken()))
  const query = new URLSearchParams({
    client_id: clientId,
    redirect_uri: 'https://app.example/callback',
    response_type: 'code',
    scope: 'openid profile email',
    state: (await sha256Hex(newId())).slice(0, 16),
    nonce: newId(),
    code_challenge: toBase64Url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    ...params,
  })
  return browser.follow(await browser.open(`${realm}/protocol/openid-connect/auth?${query}`))
}
