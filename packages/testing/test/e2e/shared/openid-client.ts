import { createHash } from 'node:crypto'
import type { ClientWithSecret } from '@menagerie/contracts'
import { decodeJwt } from 'jose'
import * as openid from 'openid-client'
import { beforeAll, describe, expect, it } from 'vitest'
import type { HarnessSystem } from '../../../src/index.ts'
import { FormBrowser, type Page } from '../support/form-browser.ts'
import { demoUser, registerClient } from '../support/identity.ts'
import { sharedAdmin, sharedSystem } from '../support/shared-system.ts'

/** Where the app's own server would wait; nobody listens, the browser stops there. */
const redirectUri = 'https://app.example/callback'
const loggedOutUri = 'https://app.example/bye'

let system: HarnessSystem
let issuer: URL
let app: ClientWithSecret
let service: ClientWithSecret
let television: ClientWithSecret
let publicApp: ClientWithSecret

const execute = [openid.allowInsecureRequests]

beforeAll(async () => {
  system = await sharedSystem()
  issuer = new URL(`${system.url}/auth/realms/menagerie`)
  const { token } = await sharedAdmin()
  app = await registerClient(system, token, {
    name: 'Example app',
    type: 'confidential',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [loggedOutUri],
    scopes: ['openid', 'profile', 'email', 'phone', 'profile:read'],
  })
  publicApp = await registerClient(system, token, {
    name: 'Example page',
    type: 'public',
    redirectUris: [redirectUri],
  })
  service = await registerClient(system, token, {
    name: 'Example service',
    type: 'confidential',
    grantTypes: ['client_credentials'],
    roles: ['supervisor'],
  })
  television = await registerClient(system, token, {
    name: 'Example television',
    type: 'public',
    grantTypes: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
  })
})

const discover = (client: ClientWithSecret) =>
  openid.discovery(
    issuer,
    client.id,
    {},
    client.secret === null ? openid.None() : openid.ClientSecretBasic(client.secret),
    { execute },
  )

/** Signs in on the hosted page, and agrees where it asks. */
async function signInOnPage(browser: FormBrowser, start: Page, role = 'agent'): Promise<Page> {
  const { username, password } = demoUser(system, role)
  const page = await browser.submit(start, 'name="password"', { identifier: username, password })
  return page.html.includes(FormBrowser.allow)
    ? browser.submit(page, FormBrowser.allow, { step: 'allow' })
    : page
}

/** The same, to the end. @returns the app's address the browser ended at */
async function landing(browser: FormBrowser, start: Page): Promise<URL> {
  const page = await signInOnPage(browser, start)
  expect(page.url.origin, page.html).toBe(new URL(redirectUri).origin)
  return page.url
}

async function authorize(client: ClientWithSecret, browser: FormBrowser, scope: string) {
  const config = await discover(client)
  const verifier = openid.randomPKCECodeVerifier()
  const state = openid.randomState()
  const nonce = openid.randomNonce()
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope,
    state,
    nonce,
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  const landed = await landing(browser, await browser.open(url))
  const tokens = await openid.authorizationCodeGrant(config, landed, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    expectedNonce: nonce,
  })
  return { config, landed, tokens }
}

const profile = (token: string) =>
  fetch(`${system.url}/users/profile`, { headers: { authorization: `Bearer ${token}` } })

describe('openid-client 6, unmodified', () => {
  it('finds the issuer and its keys (OpenID Connect Discovery §4, S44)', async () => {
    const config = await discover(app)
    const metadata = config.serverMetadata()
    expect(metadata.issuer).toBe(issuer.href)
    expect(metadata.code_challenge_methods_supported).toEqual(['S256'])
    expect(metadata.response_types_supported).toEqual(['code'])
    expect(metadata.authorization_response_iss_parameter_supported).toBe(true)
    const keys = (await (await fetch(String(metadata.jwks_uri))).json()) as { keys: object[] }
    expect(keys.keys.length).toBeGreaterThanOrEqual(2)
    for (const key of keys.keys)
      expect(Object.keys(key).sort()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
  })

  it.each([
    ['a confidential client', () => app],
    ['a public client', () => publicApp],
  ])('signs somebody in by code and PKCE as %s, with state, nonce and iss', async (_, client) => {
    const browser = new FormBrowser(new URL(system.url).origin)
    const { config, landed, tokens } = await authorize(client(), browser, 'openid profile email')
    expect(landed.searchParams.get('iss')).toBe(issuer.href)
    const claims = tokens.claims()
    expect(claims).toMatchObject({
      iss: issuer.href,
      aud: client().id,
      azp: client().id,
      typ: 'ID',
    })
    const access = decodeJwt(tokens.access_token)
    expect(access).toMatchObject({ typ: 'Bearer', azp: client().id, sub: claims?.sub, acr: '1' })
    expect(access.sid).toBe(claims?.sid)
    expect(access.aud).toBeUndefined()

    const userinfo = await openid.fetchUserInfo(config, tokens.access_token, String(claims?.sub))
    expect(userinfo.preferred_username).toBe(demoUser(system, 'agent').username)

    const refreshed = await openid.refreshTokenGrant(config, String(tokens.refresh_token))
    expect(decodeJwt(refreshed.access_token).sid).toBe(access.sid)
    expect(refreshed.refresh_token).not.toBe(tokens.refresh_token)
  })

  it('is given of the permissions what its user granted, and no more', async () => {
    const browser = new FormBrowser(new URL(system.url).origin)
    const { tokens } = await authorize(app, browser, 'openid profile:read')
    const access = decodeJwt(tokens.access_token)
    expect(access.permissions).toEqual(['profile:read'])
    expect((await profile(tokens.access_token)).status).toBe(200)
    const history = await fetch(`${system.url}/calls/history`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(history.status).toBe(403)
  })

  it('is told of a token by introspection, until it revokes it (RFC 7662, RFC 7009)', async () => {
    const browser = new FormBrowser(new URL(system.url).origin)
    const { config, tokens } = await authorize(app, browser, 'openid profile:read')
    const before = await openid.tokenIntrospection(config, tokens.access_token)
    expect(before).toMatchObject({ active: true, client_id: app.id, token_type: 'Bearer' })
    await openid.tokenRevocation(config, String(tokens.refresh_token))
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false })
    await expect(
      openid.refreshTokenGrant(config, String(tokens.refresh_token)),
    ).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  it('signs out, and the session is over for everybody (RP-Initiated Logout §2)', async () => {
    const browser = new FormBrowser(new URL(system.url).origin)
    const { config, tokens } = await authorize(app, browser, 'openid profile:read')
    const url = openid.buildEndSessionUrl(config, {
      id_token_hint: String(tokens.id_token),
      post_logout_redirect_uri: loggedOutUri,
      state: 'a-state',
    })
    let page = await browser.open(url)
    page = await browser.submit(page, 'name="logout"', { logout: 'yes' })
    expect(page.url.href).toBe(`${loggedOutUri}?state=a-state`)
    expect(await openid.tokenIntrospection(config, tokens.access_token)).toEqual({ active: false })
  })

  it('gets a token of its own, which the API takes (RFC 6749 §4.4)', async () => {
    const config = await discover(service)
    const tokens = await openid.clientCredentialsGrant(config)
    expect(tokens.refresh_token).toBeUndefined()
    expect(decodeJwt(tokens.access_token)).toMatchObject({
      azp: service.id,
      preferred_username: `service-account-${service.id}`,
      resource_access: { [service.id]: { roles: ['supervisor'] } },
    })
    const list = await fetch(`${system.url}/users/list`, {
      headers: { authorization: `Bearer ${tokens.access_token}` },
    })
    expect(list.status).toBe(200)
    const own = await profile(tokens.access_token)
    expect(own.status, 'S41').toBeGreaterThanOrEqual(401)
  })

  it('signs a television in by a code typed elsewhere (RFC 8628)', async () => {
    const config = await discover(television)
    const started = await openid.initiateDeviceAuthorization(config, { scope: 'openid profile' })
    expect(started.verification_uri).toBe(`${issuer.href}/device`)
    const polling = openid.pollDeviceAuthorizationGrant(config, { ...started, interval: 1 })

    const browser = new FormBrowser(new URL(system.url).origin)
    let page = await browser.open(started.verification_uri)
    page = await browser.submit(page, 'name="user_code"', { user_code: started.user_code })
    // It asks whether the code is the one on the device (§5.4).
    expect(page.html).toContain(started.user_code)
    page = await browser.submit(page, 'class="primary"')
    page = await signInOnPage(browser, page)
    expect(page.html).toContain('Your device is connected')
    const tokens = await polling
    expect(tokens.claims()?.aud).toBe(television.id)
    expect(decodeJwt(tokens.access_token).azp).toBe(television.id)
  })
})

it('computes the challenge of RFC 7636 appendix B', async () => {
  const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  expect(challenge).toBe('E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM')
  expect(await openid.calculatePKCECodeChallenge(verifier)).toBe(challenge)
  const browser = new FormBrowser(new URL(system.url).origin)
  const config = await discover(publicApp)
  const url = openid.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: 'openid',
    state: 'rfc',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  const landed = await landing(browser, await browser.open(url))
  const tokens = await openid.authorizationCodeGrant(config, landed, {
    pkceCodeVerifier: verifier,
    expectedState: 'rfc',
  })
  expect(tokens.claims()?.aud).toBe(publicApp.id)
})
