import { describe, expect, it } from 'vitest'
import { claimsOf, env, seeded } from '../support/accounts.ts'
import { Browser, codeFor, exchange, protocol, refreshWith, registered } from '../support/oauth.ts'

const xsrfOf = (html: string): string => /name="xsrf" value="([^"]*)"/.exec(html)?.[1] ?? ''

describe('a sign-out by an app (RP-Initiated Logout 1.0)', () => {
  it('ends the browser session and every session it opened, and leads back to the app (S26)', async () => {
    const [app, other] = [await registered(), await registered()]
    const username = await seeded('user')
    const browser = new Browser()
    const { body } = await exchange(app, await codeFor(app, username, {}, browser))
    const second = await exchange(app, await codeFor(app, username, {}, browser))
    const elsewhere = await exchange(other, await codeFor(other, username, {}, browser))
    const query = new URLSearchParams({
      id_token_hint: String(body.id_token),
      post_logout_redirect_uri: 'https://app.example/bye',
      state: 'done',
    })
    const page = await browser.open(`${protocol}/logout?${query}`)
    expect([page.status, page.headers.get('content-security-policy')]).toEqual([
      200,
      expect.stringContaining("form-action 'self' https://app.example"),
    ])
    const forged = await browser.open(`${protocol}/logout/confirm`, { xsrf: 'x', logout: 'yes' })
    expect(forged.status).toBe(400)
    const xsrf = xsrfOf(page.text)
    const gone = await browser.open(`${protocol}/logout/confirm`, { xsrf, logout: 'yes' })
    expect([gone.status, gone.headers.get('location')]).toEqual([
      303,
      'https://app.example/bye?state=done',
    ])
    for (const [client, tokens] of [
      [app, body],
      [app, second.body],
      [other, elsewhere.body],
    ] as const) {
      const { sub, sid } = claimsOf(String(tokens.access_token)) as { sub: string; sid: string }
      expect((await env.USER_SESSIONS.getByName(sub).check(sid)).alive).toBe(false)
      expect((await refreshWith(client, String(tokens.refresh_token))).status).toBe(400)
    }
    const again = await codeFor(app, username, { prompt: 'none' }, browser)
    expect(again.callback.searchParams.get('error')).toBe('login_required')
  })

  it('leads to no address that is not registered (S43)', async () => {
    const app = await registered()
    const browser = new Browser()
    const query = new URLSearchParams({
      client_id: app.id,
      post_logout_redirect_uri: 'https://evil.example/',
    })
    const page = await browser.open(`${protocol}/logout?${query}`)
    expect([page.status, page.headers.get('location')]).toEqual([400, null])
  })
})
