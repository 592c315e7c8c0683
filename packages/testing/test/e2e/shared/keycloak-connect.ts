import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import Keycloak from 'keycloak-connect'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signInAs } from '../../../src/follow-call.ts'
import type { HarnessSystem } from '../../../src/index.ts'
import { sharedSystem } from '../support/shared-system.ts'

let system: HarnessSystem
let server: Server
let url: string

beforeAll(async () => {
  system = await sharedSystem()
  const app = express()
  const keycloak = new Keycloak(
    {},
    {
      realm: 'menagerie',
      'auth-server-url': `${system.url}/auth`,
      'ssl-required': 'none',
      resource: 'menagerie',
      'bearer-only': true,
      'confidential-port': 0,
    },
  )
  app.use(keycloak.middleware())
  app.get('/user', keycloak.protect('user'), (_, response) => void response.send('ok'))
  app.get('/admin', keycloak.protect('admin'), (_, response) => void response.send('ok'))
  server = createServer(app).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterAll(async () => {
  server?.closeAllConnections()
  server?.close()
})

const get = async (path: string, token: string) =>
  (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } })).status

it('lets a server behind Keycloak’s adapter take our tokens by role (A10, A11)', async () => {
  const user = (await signInAs(system, 'user')).tokens?.accessToken ?? ''
  const admin = (await signInAs(system, 'admin')).tokens?.accessToken ?? ''
  expect(await get('/user', user)).toBe(200)
  expect(await get('/admin', user)).toBe(403)
  expect(await get('/admin', admin)).toBe(200)
})

it('makes that adapter refuse tokens of another issuer (A11, S09)', async () => {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const session = await signInAs(system, 'user')
  const claims = JSON.parse(
    Buffer.from(session.tokens?.accessToken.split('.')[1] ?? '', 'base64url').toString(),
  ) as Record<string, unknown>
  const { keys } = (await (
    await fetch(`${system.url}/auth/realms/menagerie/protocol/openid-connect/certs`)
  ).json()) as { keys: { kid: string }[] }
  expect((await exportJWK(publicKey)).kty).toBe('RSA')
  for (const iss of [String(claims.iss), 'https://elsewhere.example/auth/realms/menagerie']) {
    const forged = await new SignJWT({ ...claims, iss })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: keys[0]?.kid ?? '' })
      .sign(privateKey)
    expect(await get('/user', forged)).toBe(403)
  }
})
