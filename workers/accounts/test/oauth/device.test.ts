import { beforeAll, describe, expect, it } from 'vitest'
import { claimsOf, env, seeded } from '../support/accounts.ts'
import {
  Browser,
  issuer,
  post,
  protocol,
  realm,
  registered,
  type TestClient,
  throughPages,
  token,
} from '../support/oauth.ts'

const grantType = 'urn:ietf:params:oauth:grant-type:device_code' as const
let client: TestClient
let username = ''
beforeAll(async () => {
  client = await registered({ grantTypes: [grantType, 'refresh_token'], redirectUris: [] })
  username = await seeded('user')
})

const start = async () =>
  (await post(`${protocol}/auth/device`, { scope: 'openid profile' }, client)).body as Record<
    string,
    string
  >
const poll = (code: string | undefined) =>
  token({ grant_type: grantType, device_code: String(code) }, client)

/** The hidden fields of the one form of a page. */
const fieldsOf = (html: string): Record<string, string> =>
  Object.fromEntries(
    [...html.matchAll(/<input\b[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      /name="([^"]*)"/.exec(tag)?.[1] ?? '',
      /value="([^"]*)"/.exec(tag)?.[1] ?? '',
    ]),
  )

describe('the device grant (RFC 8628)', () => {
  it('gives tokens once the user has typed in the code and agreed', async () => {
    const started = await start()
    expect(started).toMatchObject({
      verification_uri: `${issuer}/device`,
      expires_in: 600,
      user_code: expect.stringMatching(/^[B-Z]{4}-[B-Z]{4}$/),
    })
    expect((await poll(started.device_code)).body.error).toBe('authorization_pending')
    const browser = new Browser()
    const page = await browser.open(`${realm}/device`)
    expect([page.status, page.headers.get('x-frame-options')]).toEqual([200, 'DENY'])
    const typed = { ...fieldsOf(page.text), user_code: String(started.user_code).toLowerCase() }
    const confirm = await browser.open(`${realm}/device`, typed)
    expect(confirm.text).toContain('Test app')
    const agreed = await browser.open(`${realm}/device`, fieldsOf(confirm.text))
    expect(agreed.status).toBe(303)
    const { answer, pages } = await throughPages(browser, agreed, username, ['pwd', 'otp'])
    expect([answer.status, pages]).toEqual([200, ['login', 'consent']])
    const { status, body } = await poll(started.device_code)
    expect(status).toBe(200)
    expect(claimsOf(String(body.access_token))).toMatchObject({ azp: client.id, acr: '2' })
    expect(claimsOf(String(body.id_token))).toMatchObject({ typ: 'ID', amr: ['pwd', 'otp'] })
    const again = await poll(started.device_code)
    expect([again.status, again.body.error]).toEqual([400, 'invalid_grant'])
    const { sub, sid } = claimsOf(String(body.access_token)) as { sub: string; sid: string }
    expect((await env.USER_SESSIONS.getByName(sub).check(sid)).alive).toBe(false)
  })

  it('tells the device when the user refuses', async () => {
    const started = await start()
    const browser = new Browser()
    const page = await browser.open(`${realm}/device`)
    const form = { ...fieldsOf(page.text), user_code: String(started.user_code) }
    const refusal = await browser.open(`${realm}/device`, { ...form, abort: 'yes' })
    expect(refusal.text).toContain('not connected')
    const answer = await poll(started.device_code)
    expect([answer.status, answer.body.error]).toEqual([400, 'access_denied'])
  })

  it('says that there is no such code, and takes none without its own form', async () => {
    const browser = new Browser()
    const page = await browser.open(`${realm}/device`)
    const unknown = await browser.open(`${realm}/device`, {
      ...fieldsOf(page.text),
      user_code: 'BBBB-BBBB',
    })
    expect(unknown.text).toContain('There is no such code')
    const started = await start()
    const forged = await browser.open(`${realm}/device`, {
      xsrf: 'x',
      user_code: String(started.user_code),
      confirm: 'yes',
    })
    expect(forged.status).not.toBe(303)
    expect((await poll(started.device_code)).body.error).toBe('authorization_pending')
  })

  it('brings the code along in the complete address, by a page that sends itself', async () => {
    const started = await start()
    const browser = new Browser()
    const page = await browser.open(String(started.verification_uri_complete))
    expect(page.headers.get('content-security-policy')).toMatch(/script-src 'sha256-[\w+/=]+'/)
    const confirm = await browser.open(`${realm}/device`, fieldsOf(page.text))
    expect(confirm.text).toContain(String(started.user_code))
  })
})
