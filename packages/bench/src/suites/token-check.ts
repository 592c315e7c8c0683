import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { permissionsOf } from '@menagerie/contracts'
import { temporaryFolder } from '@menagerie/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import type { Miniflare } from 'miniflare'
import { median, rate } from '../load.ts'
import type { Finding } from '../report.ts'
import { runBuilt } from '../runtime.ts'

const ROUNDS = 9
const LOAD = { seconds: 2, connections: 32 }
const ISSUER = 'http://localhost/auth/realms/menagerie'
const CLIENT_ID = 'menagerie'
const common = { compatibility_date: '2026-11-01', compatibility_flags: ['nodejs_compat'] }
const peer = (name: string) => fileURLToPath(new URL(`../peers/${name}.ts`, import.meta.url))

/**
 * Our verifier against jose checking every token anew, on the same route of a bare Worker; and the same route with the
 * gateway's look at the session, which it trusts for ten seconds, against the route without it.
 */
export async function tokenCheck(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  const running: Miniflare[] = []
  try {
    const { token, jwks, sub, sid } = await makeToken()
    const bindings = { JWKS: jwks, ISSUER, CLIENT_ID }
    const jose = await runBuilt(
      folder.path,
      [{ ...common, name: 'jose-only', main: peer('jose-only') }],
      bindings,
    )
    running.push(jose.runtime)
    const ours = await runBuilt(folder.path, [cachedVerifier], {
      ...bindings,
      ...{ ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost', REALM: 'menagerie' },
      ...{
        BOOT_ID: randomUUID(),
        KEY_ENCRYPTION_KEY: 'a key for one benchmark, used nowhere else',
      },
      REFRESH_TOKEN_SECONDS: '2592000',
    })
    running.push(ours.runtime)
    const opened = await fetch(`${ours.url}/sessions/${sub}/${sid}`, { method: 'POST' })
    if (opened.status !== 201) throw new Error(`the session was not opened: ${opened.status}`)

    const headers = { authorization: `Bearer ${token}` }
    const rates = { jose: [] as number[], cached: [] as number[], session: [] as number[] }
    const once = async () => {
      rates.jose.push(await rate({ ...LOAD, headers, url: `${jose.url}/verified` }))
      rates.cached.push(await rate({ ...LOAD, headers, url: `${ours.url}/verified` }))
      rates.session.push(await rate({ ...LOAD, headers, url: `${ours.url}/with-session` }))
    }
    await once()
    for (const list of Object.values(rates)) list.length = 0
    for (let round = 0; round < ROUNDS; round++) await once()

    const cached = ratioOf(rates.cached, rates.jose)
    const cost = 1 - ratioOf(rates.session, rates.cached)
    return [
      {
        what: 'a token on a warm isolate : jose without a cache, same route',
        measured: `${cached.toFixed(2)} (${median(rates.cached).toFixed(0)}/s : ${median(rates.jose).toFixed(0)}/s)`,
        goal: '≥ 1.50',
        met: cached >= 1.5,
      },
      {
        what: 'what the look at the session costs of a cached request',
        measured: `${(cost * 100).toFixed(1)} % (${median(rates.session).toFixed(0)}/s : ${median(rates.cached).toFixed(0)}/s)`,
        goal: '≤ 10 %',
        met: cost <= 0.1,
      },
    ]
  } finally {
    for (const runtime of running) await runtime.dispose()
    await folder.remove()
  }
}

const ratioOf = (a: readonly number[], b: readonly number[]): number =>
  median(a.map((value, i) => value / (b[i] ?? Number.NaN)))

const cachedVerifier = {
  ...common,
  name: 'cached-verifier',
  main: peer('cached-verifier'),
  exports: { UserSessions: { type: 'durable-object', storage: 'sqlite' } },
  durable_objects: { bindings: [{ name: 'USER_SESSIONS', class_name: 'UserSessions' }] },
  queues: {
    producers: ['history', 'revocations', 'audit'].map((name) => ({
      binding: `${name.toUpperCase()}_QUEUE`,
      queue: `bench-${name}`,
    })),
  },
}

/** A token with the claims of a sign-in, under a key of its own. */
async function makeToken() {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }
  const [sub, sid] = [randomUUID(), randomUUID()]
  const iat = Math.floor(Date.now() / 1000)
  const token = await new SignJWT({
    ...{ exp: iat + 3600, iat, jti: randomUUID(), iss: ISSUER, sub, typ: 'Bearer' },
    ...{ azp: CLIENT_ID, session_state: sid, acr: '1', scope: 'email profile', sid },
    resource_access: { [CLIENT_ID]: { roles: ['agent'] } },
    ...{ email_verified: true, preferred_username: '+12025550112' },
    permissions: permissionsOf(['agent']),
  })
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'bench' })
    .sign(privateKey)
  return { token, jwks: JSON.stringify({ keys: [jwk] }), sub, sid }
}
