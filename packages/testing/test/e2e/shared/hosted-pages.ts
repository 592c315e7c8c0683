import { credentials } from '@menagerie/contracts/routes'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import type { Browser, CDPSession, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signInAs } from '../../../src/follow-call.ts'
import type { HarnessSystem } from '../../../src/index.ts'
import { browserPath, openBrowser } from '../support/chromium.ts'
import { demoUser, registerClient } from '../support/identity.ts'
import { sharedAdmin, sharedSystem } from '../support/shared-system.ts'

let system: HarnessSystem
let browser: Browser | undefined
let config: openid.Configuration
let redirectUri: string

beforeAll(async () => {
  system = await sharedSystem()
  // A page that does not exist is as good as any: the browser only has to end there.
  redirectUri = `${system.url}/app/callback`
  const { token } = await sharedAdmin()
  const client = await registerClient(system, token, {
    name: 'A page with <b>markup</b>',
    type: 'public',
    redirectUris: [redirectUri],
    scopes: ['openid', 'profile', 'profile:read'],
  })
  config = await openid.discovery(
    new URL(`${system.url}/auth/realms/menagerie`),
    client.id,
    {},
    openid.None(),
    { execute: [openid.allowInsecureRequests] },
  )
  if (browserPath !== undefined) browser = await openBrowser()
})

afterAll(async () => {
  await browser?.close()
})

async function authorization() {
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid profile profile:read',
    state,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const finish = (landed: string) =>
    openid.authorizationCodeGrant(config, new URL(landed), {
      pkceCodeVerifier: verifier,
      expectedState: state,
    })
  return { url: url.href, finish }
}

/** A page that reports what goes wrong in it: a script or a style that the policy refuses is such. */
async function openPage(): Promise<{ page: Page; problems: string[]; cdp: CDPSession }> {
  if (browser === undefined) throw new Error('no browser')
  const context = await browser.newContext()
  const page = await context.newPage()
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (message) => message.type() === 'error' && problems.push(message.text()))
  return { page, problems, cdp: await context.newCDPSession(page) }
}

/** Chromium's own authenticator, with a user who is there and shows it (WebDriver's virtual authenticators). */
async function addAuthenticator(cdp: CDPSession): Promise<void> {
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

const at = (landed: string) => new URL(landed).pathname === new URL(redirectUri).pathname

/** Without a browser on the machine only the first page is looked at, and the name of the test says so. */
if (browserPath === undefined)
  it('show a sign-in (no Chromium here: not opened)', async () => {
    const { url } = await authorization()
    expect(await (await fetch(url)).text()).toContain('name="password"')
  })
else
  describe('the hosted pages in Chromium', () => {
    it('sign somebody in with a password, ask for consent, and load nothing that their policy refuses', async () => {
      const { page, problems } = await openPage()
      const { url, finish } = await authorization()
      await page.goto(url)
      const { username, password } = demoUser(system, 'agent')
      await page.fill('[name=identifier]', username)
      await page.fill('[name=password]', 'not the password')
      await page.click('form:has([name=password]) button[type=submit]')
      await page.waitForSelector('[role=alert]:visible')
      expect(await page.inputValue('[name=identifier]')).toBe(username)
      await page.fill('[name=password]', password)
      await page.press('[name=password]', 'Enter')
      await page.waitForSelector('button[value=allow]')
      expect(await page.textContent('h1')).toContain('A page with <b>markup</b>')
      expect(problems.filter((problem) => !/40[01]/.test(problem))).toEqual([])
      await Promise.all([page.waitForURL((to) => at(to.href)), page.click('button[value=allow]')])
      const tokens = await finish(page.url())
      expect(decodeJwt(tokens.access_token)).toMatchObject({
        acr: '1',
        permissions: ['profile:read'],
      })
    })

    it('sign somebody in with a passkey alone, which is two factors (WebAuthn §7)', async () => {
      const { page, cdp } = await openPage()
      await addAuthenticator(cdp)
      const session = await signInAs(system, 'supervisor')
      const { data: made } = await session.client.call(credentials.passkeyRegisterOptions)
      await page.goto(system.url)
      // As a text: the browser imports, not the test's own loader.
      const credential = await page.evaluate<{ id: string; response: Record<string, unknown> }>(
        `import('/assets/hosted/passkey.js').then((module) => module.register(${JSON.stringify(made.options)}))`,
      )
      const { data: kept } = await session.client.call(credentials.passkeyRegister, {
        body: { challengeId: made.challengeId, credential, name: 'This browser' },
      })
      expect(kept.name).toBe('This browser')

      const { url, finish } = await authorization()
      await page.goto(url)
      await page.click('text=Sign in with a passkey')
      await page.waitForSelector('button[value=allow]')
      await Promise.all([page.waitForURL((to) => at(to.href)), page.click('button[value=allow]')])
      const tokens = await finish(page.url())
      expect(tokens.claims()?.amr).toContain('hwk')
      expect(decodeJwt(tokens.access_token)).toMatchObject({
        acr: '2',
        preferred_username: demoUser(system, 'supervisor').username,
      })
    })
  })
