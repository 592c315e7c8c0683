import { expect, it } from 'vitest'
import { Browser } from './browser.ts'

it('reads the token where it reaches no server, log or other page (S52)', async () => {
  const page = await new Browser().open('/auth/realms/menagerie/password-reset?token=secret')
  expect(page.status).toBe(200)
  expect(page.html).not.toContain('secret')
  expect(page.headers.get('referrer-policy')).toBe('no-referrer')
  expect(page.headers.get('cache-control')).toBe('no-store')
  const policy = page.headers.get('content-security-policy')
  expect(policy).toContain("connect-src 'self'")
  expect(policy).toContain("script-src 'self';")
  expect(page.html).toContain('/assets/hosted/password-reset.js')
  expect(page.html).toContain('At least 15 characters (8 if you have a')
})
