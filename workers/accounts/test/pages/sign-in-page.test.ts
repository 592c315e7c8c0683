import { describe, expect, it } from 'vitest'
import { challengeIdOf } from '../../src/credentials/challenges.ts'
import { codeOfStep, newTotpSecret, sealTotpSecret, stepAt } from '../../src/credentials/totp.ts'
import { call, env, freshPhone, password, seeded } from '../support/accounts.ts'
import { Browser, begin, csrfOf, freshClient, origin, type Page } from './browser.ts'

const signIn = (browser: Browser, page: Page, identifier: string, fields = {}) =>
  browser.submit(page, { step: 'password', identifier, password, ...fields })

/** A page that waits for a name and a password. */
async function waiting(client: Parameters<typeof freshClient>[0] = {}) {
  const browser = new Browser()
  return { browser, page: await begin(browser, await freshClient(client)) }
}

/** An account with an authenticator app. */
async function withTotp(): Promise<{ username: string; secret: string }> {
  const username = await seeded('user')
  const secret = newTotpSecret()
  const row = await env.DB.prepare('SELECT id FROM users WHERE username = ?')
    .bind(username)
    .first<{ id: string }>()
  const sealed = await sealTotpSecret(env.KEY_ENCRYPTION_KEY, row?.id ?? '', secret)
  await env.DB.prepare(
    `INSERT INTO totp (user_id, state, secret, last_step, created_at) VALUES (?, 'active', ?, 0, 0)`,
  )
    .bind(row?.id, sealed)
    .run()
  return { username, secret }
}

describe('the sign-in page', () => {
  it('leads from the app through name and password back to the app with a code', async () => {
    const { browser, page } = await waiting()
    expect(page.status).toBe(200)
    expect(page.url).toMatch(/\/auth\/realms\/menagerie\/interaction\/[\w-]+$/)
    expect(page.html).toContain('<strong>An app</strong>')
    const sent = await signIn(browser, page, await seeded('user'))
    expect(sent.status).toBe(303)
    const back = await browser.follow(sent)
    const location = new URL(back.headers.get('location') ?? '')
    expect(location.origin + location.pathname).toBe('https://app.example/callback')
    expect(location.searchParams.get('code')).toBeTruthy()
    expect(location.searchParams.get('iss')).toBe(`${origin}/auth/realms/menagerie`)
  })

  it('answers a form with 303, and its page may not be framed (S40)', async () => {
    const { browser, page } = await waiting()
    const policy = page.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).toContain("form-action 'self' https://app.example;")
    expect(policy).not.toMatch(/unsafe|\*/)
    expect(page.headers.get('x-frame-options')).toBe('DENY')
    expect(page.headers.get('referrer-policy')).toBe('no-referrer')
    expect(page.headers.get('cache-control')).toBe('no-store')
    const sent = await signIn(browser, page, await seeded('user'))
    expect([sent.status, sent.html]).toEqual([303, ''])
  })

  it('has no inline script, style or handler, which its policy would refuse', async () => {
    const { page } = await waiting()
    expect(page.html).not.toMatch(/<style|\sstyle=|\son\w+=|<script[^>]*>[^<]/)
    for (const [, address] of page.html.matchAll(/(?:src|href)="([^"]+)"/g))
      expect(address).toMatch(/^\/(assets|auth)\//)
  })

  it('sets cookies of this host alone, that no script reads (S27)', async () => {
    const { username } = await withTotp()
    const { browser, page } = await waiting()
    await signIn(browser, page, username)
    const ours = [...browser.cookies].filter(([name]) => name.startsWith('__Host-menagerie'))
    expect(ours.map(([name]) => name).sort()).toEqual([
      '__Host-menagerie-browser',
      '__Host-menagerie-sign-in',
    ])
    for (const [, { header }] of ours) {
      for (const flag of ['Secure', 'HttpOnly', 'SameSite=Lax', 'Path=/'])
        expect(header.split('; ')).toContain(flag)
      expect(header).not.toMatch(/domain/i)
    }
    expect(browser.cookies.get('__Host-menagerie-sign-in')?.header).toContain('Max-Age=300')
    for (const [, { header }] of browser.cookies) expect(header).toMatch(/; secure/i)
  })

  it('refuses forms that its own page in this browser did not send (S28)', async () => {
    const { browser, page } = await waiting()
    const username = await seeded('user')
    const other = await waiting()
    const form = { step: 'password', identifier: username, password }
    const refused = {
      'another origin': await browser.submit(page, form, { origin: 'https://evil.example' }),
      'another site': await browser.submit(page, form, {
        origin: origin,
        'sec-fetch-site': 'cross-site',
      }),
      'no page at all': await browser.submit(page, form, { 'sec-fetch-site': 'none' }),
      'text/plain': await browser.submit(page, form, { 'content-type': 'text/plain' }),
      json: await browser.submit(page, form, { 'content-type': 'application/json' }),
      'no token': await browser.submit(page, { ...form, csrf: '' }),
      'a made-up token': await browser.submit(page, { ...form, csrf: 'f'.repeat(64) }),
      "another interaction's token": await browser.submit(page, {
        ...form,
        csrf: csrfOf(other.page),
      }),
    }
    for (const [why, { status, headers, html }] of Object.entries(refused)) {
      expect([why, status]).toEqual([why, 403])
      expect(headers.get('location')).toBeNull()
      expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(html).toContain('role="alert"')
    }
    // None of them has used it up, and none was taken.
    const sent = await signIn(browser, page, username)
    expect(sent.status).toBe(303)
  })

  it("refuses a token with another browser's cookie (S28)", async () => {
    const { browser, page } = await waiting()
    const own = browser.cookies.get('__Host-menagerie-browser')
    if (own === undefined) throw new Error('the browser got no name')
    browser.cookies.set('__Host-menagerie-browser', { ...own, value: 'another' })
    expect((await signIn(browser, page, await seeded('user'))).status).toBe(403)
    browser.cookies.delete('__Host-menagerie-browser')
    expect((await signIn(browser, page, await seeded('user'))).status).toBe(403)
  })

  it('cannot be finished in another browser than it was begun in (RFC 9700 §4.7)', async () => {
    const { page } = await waiting()
    const victim = new Browser()
    const shown = await victim.open(page.url)
    expect(shown.status).toBe(400)
    expect(shown.html).not.toContain('<form')
    // Not even with a token of its own for it.
    const theirs = await begin(victim, await freshClient())
    const sent = await victim.submit(
      { ...theirs, url: page.url },
      { step: 'password', identifier: await seeded('user'), password },
    )
    expect(sent.status).toBe(403)
  })

  it('leads nowhere but to the engine, whatever the request names (S43)', async () => {
    for (const evil of [
      '//evil.example',
      '/\\evil.example',
      'https:evil.example',
      'javascript:1',
    ]) {
      const { browser, page } = await waiting()
      const names = ['next', 'return_to', 'returnTo', 'redirect_uri', 'continue', 'url']
      const fields = Object.fromEntries(names.map((name) => [name, evil]))
      const shown = await browser.open(`${page.url}?${new URLSearchParams(fields)}`)
      expect(shown.html).not.toContain('evil')
      const sent = await signIn(browser, { ...page, url: shown.url }, await seeded('user'), fields)
      expect(sent.headers.get('location')).toMatch(
        new RegExp(`^${origin}/auth/realms/menagerie/protocol/openid-connect/auth/[\\w-]+$`),
      )
    }
  })

  it('shows the page again with the name, and without the password, when one is wrong', async () => {
    const { browser, page } = await waiting()
    const answers = []
    for (const identifier of [await seeded('user'), freshPhone()]) {
      const again = await signIn(browser, page, identifier, { password: 'a wrong password 1' })
      expect(again.status).toBe(400)
      expect(again.html).toContain(`value="${identifier}"`)
      expect(again.html).not.toContain('a wrong password 1')
      expect(again.html).toMatch(/role="alert"[^>]*>The name or the password is wrong/)
      answers.push(again.html.replaceAll(identifier, '').replaceAll(csrfOf(again), ''))
    }
    // Nobody learns which of the two it was (S45).
    expect(answers[0]).toBe(answers[1])
    expect((await signIn(browser, page, await seeded('user'))).status).toBe(303)
  })

  it('tells how long to wait after too many tries', async () => {
    const { browser, page } = await waiting()
    const identifier = await seeded('user')
    let again = page
    for (let tries = 0; tries < 30 && again.status !== 429; tries++)
      again = await signIn(browser, page, identifier, { password: 'wrong' })
    expect(again.status).toBe(429)
    expect(again.html).toMatch(/Too many tries\. Wait (\d+ seconds|\d+ minutes|a second)/)
    expect(Number(again.headers.get('retry-after'))).toBeGreaterThan(0)
  })

  it('fills in who the app thinks it is, as text', async () => {
    const browser = new Browser()
    const page = await begin(browser, await freshClient(), { login_hint: '"><script>alert(1)' })
    expect(page.html).toContain('value="&quot;&gt;&lt;script&gt;alert(1)"')
  })

  it('goes back to the app without a sign-in when it is cancelled', async () => {
    const { browser, page } = await waiting()
    const back = await browser.follow(await browser.submit(page, { step: 'cancel' }))
    const location = new URL(back.headers.get('location') ?? '')
    expect(location.host).toBe('app.example')
    expect(location.searchParams.get('error')).toBe('access_denied')
  })

  it('refuses forms that are incomplete, unknown or say a thing twice', async () => {
    const { browser, page } = await waiting()
    for (const fields of [
      {},
      { step: 'password', identifier: 'x' },
      { step: 'become-admin' },
      { step: 'passkey', challengeId: 'x'.repeat(20), credential: 'no json' },
    ]) {
      const sent = await browser.submit(page, fields as Record<string, string>)
      expect([fields, sent.status]).toEqual([fields, 400])
    }
    const twice = new URLSearchParams({ csrf: csrfOf(page), step: 'cancel' })
    twice.append('step', 'password')
    const sent = await browser.open(page.url, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: twice.toString(),
    })
    expect(sent.status).toBe(400)
  })

  it('says so where there is no such sign-in or realm', async () => {
    const browser = new Browser()
    const gone = await browser.open('/auth/realms/menagerie/interaction/nothing-of-this-name')
    expect(gone.status).toBe(400)
    expect(gone.html).toContain('was begun in another browser')
    const other = await call('/auth/realms/other/interaction/x')
    expect([other.status, other.body.code]).toEqual([404, 'not_found'])
    const reset = await call('/auth/realms/other/password-reset')
    expect(reset.status).toBe(404)
  })
})

describe('the second step of a sign-in', () => {
  it('asks for the code of the app and keeps its token out of pages and addresses', async () => {
    const { username, secret } = await withTotp()
    const { browser, page } = await waiting()
    const sent = await signIn(browser, page, username)
    expect([sent.status, sent.headers.get('location')]).toEqual([303, new URL(page.url).pathname])
    const second = await browser.follow(sent)
    expect(second.html).toContain('Code of your authenticator app')
    const sealed = browser.cookies.get('__Host-menagerie-sign-in')?.value ?? 'none'
    expect(second.html).not.toContain(decodeURIComponent(sealed))

    const wrong = await browser.submit(second, {
      step: 'second-factor',
      method: 'totp',
      code: '000000',
    })
    expect(wrong.status).toBe(400)
    expect(wrong.html).toContain('aria-invalid="true"')

    const code = codeOfStep(secret, stepAt(Date.now()))
    const done = await browser.submit(second, {
      step: 'second-factor',
      method: 'totp',
      code: `${code.slice(0, 3)} ${code.slice(3)}`,
    })
    expect(done.status).toBe(303)
    expect(browser.cookies.has('__Host-menagerie-sign-in')).toBe(false)
    const back = await browser.follow(done)
    expect(new URL(back.headers.get('location') ?? '').searchParams.get('code')).toBeTruthy()
  })

  it('begins anew after five wrong codes (S55)', async () => {
    const { username } = await withTotp()
    const { browser, page } = await waiting()
    const second = await browser.follow(await signIn(browser, page, username))
    let last = second
    for (let tries = 0; tries < 5; tries++)
      last = await browser.submit(second, {
        step: 'second-factor',
        method: 'totp',
        code: `00000${tries}`,
      })
    expect(last.html).toContain('name="password"')
    expect(last.html).toContain('role="alert"')
    expect(browser.cookies.has('__Host-menagerie-sign-in')).toBe(false)
  })

  it('offers no code by SMS to who has an app', async () => {
    const { username } = await withTotp()
    const { browser, page } = await waiting()
    const asked = await browser.follow(await signIn(browser, page, username))
    expect(asked.html).not.toContain('method=sms')
    expect((await browser.open(`${page.url}?method=sms`)).html).not.toContain('Send the code')
    const refused = await browser.submit(asked, { step: 'send', method: 'sms' })
    expect(refused.status).toBe(400)
  })

  it('is no step of another sign-in', async () => {
    const { username } = await withTotp()
    const { browser, page } = await waiting()
    await signIn(browser, page, username)
    const other = await begin(browser, await freshClient())
    expect(other.html).toContain('name="password"')
    expect((await browser.open(page.url)).html).toContain('name="code"')
  })

  it('can be left for another account', async () => {
    const { username } = await withTotp()
    const { browser, page } = await waiting()
    const second = await browser.follow(await signIn(browser, page, username))
    const first = await browser.follow(await browser.submit(second, { step: 'restart' }))
    expect(first.html).toContain('name="password"')
  })

  it('gives a passkey its challenge, which belongs to the account alone', async () => {
    const { username } = await withTotp()
    await env.DB.prepare(
      `INSERT INTO passkeys (id, user_id, name, public_key, counter, transports, backed_up, created_at)
       SELECT ?, id, 'Key', 'x', 0, '["internal"]', 0, 0 FROM users WHERE username = ?`,
    )
      .bind(`key-of-${username.slice(1)}`, username)
      .run()
    const { browser, page } = await waiting()
    const second = await browser.follow(await signIn(browser, page, username))
    const shown = await browser.open(`${second.url}?method=passkey`)
    const attribute = /data-passkey="([^"]+)"/.exec(shown.html)?.[1]?.replaceAll('&quot;', '"')
    const { challengeId, options } = JSON.parse(attribute ?? '{}')
    expect(options.allowCredentials).toMatchObject([{ id: `key-of-${username.slice(1)}` }])
    const row = await env.DB.prepare('SELECT user_id FROM challenges WHERE id = ?')
      .bind(await challengeIdOf('passkey-sign-in', challengeId))
      .first<{ user_id: string }>()
    expect(row?.user_id).toBeTruthy()
  })
})
