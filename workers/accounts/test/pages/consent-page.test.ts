import { describe, expect, it } from 'vitest'
import { password, seeded } from '../support/accounts.ts'
import { Browser, begin, freshClient } from './browser.ts'

/** A consent page, after a sign-in. */
async function asked(
  client: Parameters<typeof freshClient>[0] = {},
  scope = 'openid profile email',
) {
  const browser = new Browser()
  const username = await seeded('user')
  const clientId = await freshClient({ firstParty: false, ...client })
  const page = await begin(browser, clientId, { scope })
  const sent = await browser.submit(page, { step: 'password', identifier: username, password })
  return { browser, username, clientId, page: await browser.follow(sent) }
}

const paramsOf = (location: string | null) => new URL(location ?? '').searchParams

describe('the consent page', () => {
  it('tells a stranger app from ours, whom it is for and what it asks', async () => {
    const { page, username } = await asked(
      {
        name: 'Fleet <script>alert(1)</script>',
        scopes: ['openid', 'profile', 'devices:read:own'],
      },
      'openid profile devices:read:own',
    )
    expect(page.status).toBe(200)
    expect(page.html).not.toContain('<script>alert')
    expect(page.html).toContain('Fleet &lt;script&gt;alert(1)&lt;/script&gt;')
    expect(page.html).toContain(username)
    expect(page.html).toContain('See your devices and what they report')
    expect(page.html).toContain('<strong>app.example</strong>')
    expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
  })

  it('gives the app its code when it is allowed, by 303 (S40)', async () => {
    const { browser, page } = await asked()
    const sent = await browser.submit(page, { step: 'allow' })
    expect(sent.status).toBe(303)
    const back = await browser.follow(sent)
    expect(paramsOf(back.headers.get('location')).get('code')).toBeTruthy()
  })

  it('tells the app that it was refused', async () => {
    const { browser, page } = await asked()
    const back = await browser.follow(await browser.submit(page, { step: 'deny' }))
    const params = paramsOf(back.headers.get('location'))
    expect([params.get('error'), params.get('code')]).toEqual(['access_denied', null])
  })

  it('takes no consent from another site (S28)', async () => {
    const { browser, page } = await asked()
    const forged = [
      await browser.submit(page, { step: 'allow', csrf: '' }),
      await browser.submit(page, { step: 'allow' }, { 'sec-fetch-site': 'cross-site' }),
      await browser.submit(page, { step: 'allow' }, { origin: 'https://evil.example' }),
    ]
    expect(forged.map(({ status }) => status)).toEqual([403, 403, 403])
    expect((await browser.open(page.url)).html).toContain('value="allow"')
  })

  it('is shown at every authorization of such an app (S40)', async () => {
    const { browser, page, clientId } = await asked()
    await browser.follow(await browser.submit(page, { step: 'allow' }))
    const again = await begin(browser, clientId)
    expect(again.html).toContain('value="allow"')
  })

  it('is no step that a sign-in can skip', async () => {
    const browser = new Browser()
    const page = await begin(browser, await freshClient({ firstParty: false }))
    const sent = await browser.submit(page, { step: 'allow' })
    expect(sent.headers.get('location')).toBe(new URL(page.url).pathname)
    expect((await browser.follow(sent)).html).toContain('name="password"')
  })
})
