import { exports } from 'cloudflare:workers'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import type { ServiceTokens } from '../src/tokens/service-tokens.ts'
import { call, seeded, signedIn } from './support/accounts.ts'

const mint = async (service: string, audience = 'accounts'): Promise<string> => {
  const { ServiceTokens: entrypoint } = exports as unknown as {
    ServiceTokens: (options: { props: object }) => Pick<ServiceTokens, 'mint'>
  }
  return (await entrypoint({ props: { service } }).mint(audience)).token
}

const head = { object: 'calls/019aa5b8-7c00-7000-8000-000000000001', seq: 7, hash: 'ab'.repeat(32) }
const sign = (token: string | undefined, body: unknown = head) =>
  call<{ head: string }>('/internal/proof-heads', { method: 'POST', token, body })

let communications = ''
beforeAll(async () => {
  communications = await mint('communications')
})

describe('the head of a journal', () => {
  it('is signed by a key of the JWKS, for the Worker that owns the object', async () => {
    const { status, body } = await sign(communications)
    expect(status).toBe(200)
    const { body: jwks } = await call('/auth/realms/menagerie/protocol/openid-connect/certs')
    const { payload, protectedHeader } = await compactVerify(
      body.data.head,
      createLocalJWKSet(jwks as unknown as JSONWebKeySet),
    )
    expect(protectedHeader).toMatchObject({ alg: 'RS256', typ: 'journal-head+jws' })
    const { time, ...signed } = JSON.parse(new TextDecoder().decode(payload))
    expect(signed).toEqual(head)
    expect(Math.abs(Date.parse(time) - Date.now())).toBeLessThan(60_000)
  })

  it('is no access token', async () => {
    const { body } = await sign(communications)
    expect((await call('/users/profile', { token: body.data.head })).status).toBe(401)
  })

  it('is not signed for objects of another Worker', async () => {
    expect((await sign(await mint('devices'))).status).toBe(403)
    expect((await sign(communications, { ...head, object: 'devices/thermometer-7' })).status).toBe(
      403,
    )
    expect((await sign(await mint('reports'))).status).toBe(403)
  })

  it('is not signed for people, nor for nobody', async () => {
    const admin = await signedIn(await seeded('admin', 'proof-admin@example.com'))
    expect((await sign(admin.access_token)).status).toBe(404)
    expect((await sign(undefined)).status).toBe(401)
    expect((await sign(await mint('communications', 'devices'))).status).toBe(401)
  })

  it('must be one', async () => {
    for (const body of [
      {},
      { ...head, hash: 'x' },
      { ...head, seq: -1 },
      { ...head, object: 'calls/../x y' },
      { ...head, more: 1 },
    ])
      expect((await sign(communications, body)).status).toBe(422)
  })
})
