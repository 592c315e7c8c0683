import { describe, expect, it } from 'vitest'
import {
  deviceConfirmPage,
  deviceDonePage,
  devicePage,
  errorPage,
  loggedOutPage,
  logoutPage,
} from '../../src/pages/index.ts'

/** As oidc-provider 9.13 writes them (lib/helpers/user_code_form.js, lib/actions/end_session.js). */
const inputForm = (
  code?: string,
) => `<form id="op.deviceInputForm" novalidate method="post" action="http://localhost:8787/auth/realms/menagerie/device">
  <input type="hidden" name="xsrf" value="f00d"/>
  <input
    ${code ? `value="${code}" ` : ''}type="text" name="user_code" placeholder="Enter code" onfocus="this.select(); this.onfocus = undefined;" autofocus autocomplete="off"></input>
  </form>`
const confirmForm = `<form id="op.deviceConfirmForm" method="post" action="/auth/realms/menagerie/device">
<input type="hidden" name="xsrf" value="f00d"/>
<input type="hidden" name="user_code" value="&quot;&gt;&lt;b&#39;&amp;amp;"/>
<input type="hidden" name="confirm" value="yes"/>
</form>`
const logoutForm =
  '<form id="op.logoutForm" method="post" action="/auth/realms/menagerie/protocol/openid-connect/logout/confirm"><input type="hidden" name="xsrf" value="f00d"/></form>'

describe('pages the engine shows', () => {
  it('sends the engine its own hidden fields and address', () => {
    const html = devicePage({ form: inputForm() })
    expect(html).toMatch(/^<!doctype html><html lang="en">/)
    expect(html).toContain(
      '<form method="post" action="http://localhost:8787/auth/realms/menagerie/device"',
    )
    expect(html).toContain('<input type="hidden" name="xsrf" value="f00d"/>')
    expect(html).toMatch(/<label for="user_code">.*<input [^>]*name="user_code"/s)
    expect(html).not.toContain('role="alert"')
    expect(html).not.toContain('onfocus')
  })

  it('keeps the code and says why it was refused', () => {
    const html = devicePage({ form: inputForm('WXYZ-BCDF'), error: 'ExpiredError' })
    expect(html).toContain('value="WXYZ-BCDF"')
    expect(html).toContain('aria-invalid="true"')
    expect(html).toMatch(/role="alert"[^>]*>This code is too old/)
    expect(html).toContain('<title>Error: Connect a device')
  })

  it('does not call it an error that somebody refused', () => {
    const html = devicePage({ form: inputForm(), error: 'AbortedError' })
    expect(html).not.toContain('role="alert"')
    expect(html).toContain('The device was not connected')
  })

  it('shows a name as text, whatever is in it (S80)', () => {
    const name = `<script>alert(1)</script>"'&`
    const pages = [
      deviceConfirmPage({
        form: confirmForm,
        clientName: name,
        userCode: name,
        scopes: [name],
      }),
      deviceDonePage({ clientName: name }),
      logoutPage({ form: logoutForm, clientName: name }),
      errorPage({ title: name, detail: name, requestId: name }),
      devicePage({ form: inputForm(), error: name }),
    ]
    for (const html of pages) {
      expect(html).not.toContain('<script>')
      expect(html).toContain('&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
    }
  })

  it('gives back a hidden field as it was, once escaped', () => {
    const html = deviceConfirmPage({
      form: confirmForm,
      clientName: 'TV',
      userCode: 'WXYZ-BCDF',
      scopes: ['openid'],
    })
    expect(html).toContain(
      '<input type="hidden" name="user_code" value="&quot;&gt;&lt;b&#39;&amp;amp;"/>',
    )
    expect(html).toContain('<input type="hidden" name="confirm" value="yes"/>')
    expect(html).toMatch(/<button type="submit"[^>]* name="abort" value="yes">/)
  })

  it('asks before a sign-out, and takes no for an answer', () => {
    const html = logoutPage({ form: logoutForm })
    expect(html).toMatch(/<button type="submit"[^>]* name="logout" value="yes">/)
    expect(html.match(/<button/g)).toHaveLength(2)
    expect(loggedOutPage()).toContain('You are signed out')
  })

  it('shows no page whose form sends nothing', () => {
    expect(() => logoutPage({ form: '<p>another shape</p>' })).toThrow('no form')
  })
})
