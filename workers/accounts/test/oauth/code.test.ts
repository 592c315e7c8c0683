import { AccessTokenClaims } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { call, claimsOf, env, seeded } from '../support/accounts.ts'
import {
  accountOf,
  codeFor,
  exchange,
  issuer,
  post,
  protocol,
  refreshWith,
  registered,
  tokensOf,
} from '../support/oauth.ts'

describe('the authorization code', () => {
  it('gives our tokens to a client, after sign-in and consent', async () => {
    const [client, username] = [await registered(), await seeded('user')]
    const signedIn = await codeFor(client, username)
    expect(signedIn.pages).toEqual(['login', 'consent'])
    expect(signedIn.callback.origin + signedIn.callback.pathname).toBe(
      'https://app.example/callback',
    )
    expect(signedIn.callback.searchParams.get('state')).toBe('a state')
    expect(signedIn.callback.searchParams.get('iss')).toBe(issuer)
    const { status, headers, body } = await exchange(client, signedIn)
    expect([status, body]).toMatchObject([200, { token_type: 'Bearer', expires_in: 900 }])
    expect(headers.get('cache-control')).toBe('no-store')
    const claims = AccessTokenClaims.parse(claimsOf(String(body.access_token)))
    const sub = await accountOf(username)
    expect(claims).toMatchObject({
      iss: issuer,
      sub,
      azp: client.id,
      acr: '1',
      scope: 'openid profile email',
      preferred_username: username,
      resource_access: { [client.id]: { roles: ['user'] } },
      permissions: [],
    })
    expect(body).toMatchObject({ session_state: claims.sid, refresh_expires_in: 2_592_000 })
    const id = claimsOf(String(body.id_token))
    expect(id).toMatchObject({
      typ: 'ID',
      iss: issuer,
      aud: client.id,
      azp: client.id,
      sub,
      sid: claims.sid,
      session_state: claims.sid,
      nonce: 'a nonce',
      acr: '1',
      amr: ['pwd'],
      auth_time: expect.any(Number),
      preferred_username: username,
      name: 'Test user',
    })
    expect(claimsOf(String(body.refresh_token))).toMatchObject({ typ: 'Refresh', sid: claims.sid })
  })
})

describe('the rest of a code session', () => {
  it('refreshes, introspects, tells claims and is revoked', async () => {
    const client = await registered({ type: 'confidential' })
    const username = await seeded('user')
    const first = await tokensOf(client, username)
    const again = await refreshWith(client, String(first.refresh_token))
    expect([again.status, again.body]).toMatchObject([200, { scope: 'openid profile email' }])
    expect(claimsOf(String(again.body.id_token)).auth_time).toBe(
      claimsOf(String(first.id_token)).auth_time,
    )
    const access = String(again.body.access_token)
    const seen = await post(`${protocol}/token/introspect`, { token: access }, client)
    expect(seen.body).toMatchObject({
      active: true,
      username,
      azp: client.id,
      client_id: client.id,
    })
    const refreshSeen = await post(
      `${protocol}/token/introspect`,
      { token: String(again.body.refresh_token) },
      client,
    )
    expect(refreshSeen.body).toMatchObject({ active: true, client_id: client.id })
    const info = await call(`${protocol}/userinfo`, { token: access })
    expect(info.body).toMatchObject({
      sub: await accountOf(username),
      preferred_username: username,
    })
    const revoked = await post(`${protocol}/revoke`, { token: access }, client)
    expect(revoked.status).toBe(200)
    const after = await post(`${protocol}/token/introspect`, { token: access }, client)
    expect(after.body).toEqual({ active: false })
    const dead = await refreshWith(client, String(again.body.refresh_token))
    expect([dead.status, dead.body.error]).toEqual([400, 'invalid_grant'])
  })

  it('cannot be refreshed by a disabled account, and its tokens say the granted permissions alone', async () => {
    const [client, username] = [await registered(), await seeded('agent')]
    const tokens = await tokensOf(client, username, { scope: 'openid profile:read' })
    expect(claimsOf(String(tokens.access_token)).permissions).toEqual(['profile:read'])
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE username = ?`)
      .bind(username)
      .run()
    const answer = await refreshWith(client, String(tokens.refresh_token))
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_grant'])
  })

  it('begins with one consent in the audit log, without a secret in it', async () => {
    const [client, username] = [await registered(), await seeded('user')]
    await codeFor(client, username)
    const { results } = await env.DB.prepare(
      `SELECT body FROM outbox WHERE json_extract(body, '$.data.action') = 'consent.granted'
         AND json_extract(body, '$.data.target.id') = ?`,
    )
      .bind(client.id)
      .all<{ body: string }>()
    expect(results.map(({ body }) => JSON.parse(body).data)).toMatchObject([
      { actor: { kind: 'user', id: await accountOf(username) }, outcome: 'success' },
    ])
  })
})
