import { permissions } from '@menagerie/contracts'
import { AppError } from '@menagerie/core'
import { describe, expect, it } from 'vitest'
import { consentPage, pagePolicy, secondFactorPage } from '../../src/pages/index.ts'
import { sentByOurPage } from '../../src/pages/interaction/browser-check.ts'
import { problemWords } from '../../src/pages/interaction/problem-words.ts'
import { returnPlace } from '../../src/pages/interaction/return-place.ts'
import { scopeWords } from '../../src/pages/scope-words.ts'

const target = { action: '/auth/realms/menagerie/interaction/x', csrf: 'token' }

describe("the pages' policy", () => {
  it('loads our own files alone, and lets nothing frame it (S40)', () => {
    expect(pagePolicy()).toBe(
      "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    )
  })

  it('lets a form lead back to the app, by its origin or its own scheme', () => {
    const formAction = (...targets: (string | undefined)[]) =>
      /form-action ([^;]*)/.exec(pagePolicy(targets))?.[1]
    expect(formAction('https://app.example/callback?a=b;c')).toBe("'self' https://app.example")
    expect(formAction('http://127.0.0.1:4000/cb')).toBe("'self' http://127.0.0.1:4000")
    expect(formAction('http://[::1]:4000/cb')).toBe("'self' http:")
    expect(formAction('com.example.app:/cb')).toBe("'self' com.example.app:")
    expect(formAction(undefined, "not an address; script-src 'unsafe-inline'")).toBe("'self'")
  })
})

describe('who sent a form (S28)', () => {
  const own = 'https://id.example'
  const form = 'application/x-www-form-urlencoded'
  const from = (headers: { contentType?: string; origin?: string; fetchSite?: string }) =>
    sentByOurPage({ contentType: form, origin: undefined, fetchSite: undefined, ...headers }, own)
      .ok

  it('takes what our own page sends', () => {
    expect(from({ origin: own })).toBe(true)
    expect(from({ origin: own, fetchSite: 'same-origin' })).toBe(true)
    // Pages without a referrer send no origin either.
    expect(from({ origin: 'null', fetchSite: 'same-origin' })).toBe(true)
    expect(from({ contentType: `${form};charset=UTF-8` })).toBe(true)
  })

  it('refuses what another page sends', () => {
    for (const fetchSite of ['cross-site', 'same-site', 'none'])
      expect([fetchSite, from({ origin: own, fetchSite })]).toEqual([fetchSite, false])
    for (const origin of ['https://evil.example', 'https://id.example.evil.example', 'null', ''])
      expect([origin, from({ origin })]).toEqual([origin, false])
    expect(from({ origin: 'https://evil.example', fetchSite: 'same-origin' })).toBe(false)
  })

  it('refuses bodies that are no form', () => {
    for (const contentType of ['text/plain', 'application/json', 'multipart/form-data', `${form}x`])
      expect([contentType, from({ contentType, origin: own })]).toEqual([contentType, false])
    expect(
      sentByOurPage({ contentType: undefined, origin: own, fetchSite: undefined }, own).ok,
    ).toBe(false)
  })
})

describe('what an app asks for', () => {
  it('has plain words for every permission', () => {
    for (const { scope, text } of scopeWords(permissions)) expect(text).not.toBe(scope)
  })

  it('tells each thing once, and that it knows you only where that is all', () => {
    expect(scopeWords(['openid', 'email', 'email']).map(({ text }) => text)).toEqual([
      'See your e-mail address',
    ])
    expect(scopeWords(['openid']).map(({ text }) => text)).toEqual(['Know that it is you'])
  })

  it('shows a scope it has no words for by its name, as one that reaches far', () => {
    expect(scopeWords(['__proto__', 'new:thing'])).toEqual([
      { scope: '__proto__', text: '__proto__', wide: true },
      { scope: 'new:thing', text: 'new:thing', wide: true },
    ])
  })

  it('marks what reaches beyond the own account', () => {
    const wide = scopeWords([
      'openid',
      'profile',
      'devices:read:own',
      'devices:read',
      'users:write',
    ])
    expect(wide.filter((each) => each.wide).map(({ scope }) => scope)).toEqual([
      'devices:read',
      'users:write',
    ])
  })

  it('names the app, the account, what is asked and where it leads', () => {
    const html = consentPage({
      target,
      clientName: 'Fleet <script>',
      returnsTo: 'app.example',
      account: 'Ada & Co',
      scopes: ['profile', 'devices:read'],
    })
    expect(html).not.toContain('<script>')
    for (const text of [
      'Fleet &lt;script&gt;',
      'Ada &amp; Co',
      'app.example',
      'See your name, language and time zone',
      'See all devices and what they report',
      'reaches beyond your account',
    ])
      expect(html).toContain(text)
    expect(html).toMatch(/name="step" value="allow">.*name="step" value="deny">/s)
  })

  it('tells the place by what a browser makes of it, not by what it looks like', () => {
    expect(returnPlace('https://app.example:8443/cb')).toBe('app.example:8443')
    expect(returnPlace('https://bank.example@evil.example/cb')).toBe('evil.example')
    expect(returnPlace('com.example.app:/cb')).toBe('an app on this device')
    expect(returnPlace('http://127.0.0.1:9/cb')).toBe('an app on this device')
    expect(returnPlace(undefined)).toBeUndefined()
  })
})

describe('the second step', () => {
  it('shows one way and links to the others the account has', () => {
    const html = secondFactorPage({
      target,
      clientName: 'App',
      methods: ['totp', 'sms', 'recovery_code'],
      method: 'totp',
    })
    expect(html).toMatch(/<input[^>]* autocomplete="one-time-code"/)
    expect(html).toContain('?method=sms"')
    expect(html).toContain('?method=recovery_code"')
    expect(html).not.toContain('?method=totp"')
    expect(html).not.toContain('?method=email"')
  })

  it('carries the options of a passkey as text of an attribute', () => {
    const html = secondFactorPage({
      target,
      clientName: 'App',
      methods: ['passkey'],
      method: 'passkey',
      passkeyOptions: '{"challengeId":"\\"><script>"}',
    })
    expect(html).not.toContain('"><script>')
    expect(html).toContain('data-passkey="{&quot;challengeId&quot;')
  })
})

describe('what a page tells of a refusal', () => {
  it('says how long to wait, never less than it is', () => {
    const words = (retryAfterSeconds?: number) =>
      problemWords(
        new AppError(
          'too_many_attempts',
          'x',
          retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
        ),
      )
    expect(words(1)).toEqual({ status: 429, text: 'Too many tries. Wait a second and try again.' })
    expect(words(90)?.text).toContain('90 seconds')
    expect(words(121)?.text).toContain('3 minutes')
    expect(words()?.text).toContain('60 seconds')
  })

  it('leaves what no visitor can mend to the error page', () => {
    expect(problemWords(new AppError('internal_error', 'x'))).toBeUndefined()
  })
})
