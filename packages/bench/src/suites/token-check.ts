import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { permissionsOf } from '@menagerie/contracts'
import { temporaryFolder } from '@menagerie/testing'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { runBare } from '../bare-workerd.ts'
import { type Load, median, rate } from '../load.ts'
import type { Finding } from '../report.ts'
import { runBuilt } from '../runtime.ts'

const ROUNDS = 9
const LOAD = { seconds: 2, connections: 32 }
const ISSUER = 'http://localhost/auth/realms/menagerie'
const CLIENT_ID = 'menagerie'
const common = { compatibility_date: '2026-11-01', compatibility_flags: ['nodejs_compat'] }
const peer = (name: string) => fileURLToPath(new URL(`../peers/${name}.ts`, import.meta.url))

/**
 * Our verifier against jose checking every token anew, on the same route of a Worker that is alone in workerd; and that
 * route with the gateway's look at the session, which it trusts for ten seconds, against the route without it.
 */
export async function tokenCheck(): Promise<Finding[]> {
  const folder = await temporaryFolder('bench')
  try {
    const { token, jwks, sub, sid } = await makeToken()
    const settings = { JWKS: jwks, ISSUER, CLIENT_ID }
    const load = { ...LOAD, headers: { authorization: `Bearer ${token}` } }
    const session = await sessionCost(folder.path, settings, load, { sub, sid })
    const cached = await cacheGain(folder.path, settings, load)
    return [cached, session]
  } finally {
    await folder.remove()
  }
}

type Asking = typeof LOAD & { headers: Record<string, string> }

async function cacheGain(
  folder: string,
  settings: Record<string, string>,
  load: Asking,
): Promise<Finding> {
  const { exports: _, durable_objects: __, queues: ___, ...alone } = cachedVerifier
  const jose = await runBare(
    folder,
    { ...common, name: 'jose-only', main: peer('jose-only') },
    settings,
  )
  const ours = await runBare(folder, { ...alone, name: 'cached-alone' }, settings)
  try {
    const rates = await inTurn({
      jose: { ...load, url: `${jose.url}/verified` },
      ours: { ...load, url: `${ours.url}/verified` },
    })
    const gain = ratioOf(rates.ours, rates.jose)
    return {
      what: 'a token on a warm isolate : jose without a cache, same route',
      measured: `${gain.toFixed(2)} (${median(rates.ours).toFixed(0)}/s : ${median(rates.jose).toFixed(0)}/s)`,
      goal: '≥ 1.50',
      met: gain >= 1.5,
    }
  } finally {
    await Promise.all([jose.stop(), ours.stop()])
  }
}

async function sessionCost(
  folder: string,
  settings: Record<string, string>,
  load: Asking,
  { sub, sid }: { sub: string; sid: string },
): Promise<Finding> {
  const { url, runtime } = await runBuilt(folder, [cachedVerifier], {
    ...settings,
    ...{ ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost', REALM: 'menagerie' },
    ...{ BOOT_ID: randomUUID(), KEY_ENCRYPTION_KEY: 'a key for one benchmark, used nowhere else' },
    REFRESH_TOKEN_SECONDS: '2592000',
  })
  try {
    const opened = await fetch(`${url}/sessions/${sub}/${sid}`, { method: 'POST' })
    if (opened.status !== 201) throw new Error(`the session was not opened: ${opened.status}`)
    const rates = await inTurn({
      without: { ...load, url: `${url}/verified` },
      with: { ...load, url: `${url}/with-session` },
    })
    const cost = 1 - ratioOf(rates.with, rates.without)
    return {
      what: 'what the look at the session costs of a cached request',
      measured: `${(cost * 100).toFixed(1)} % (${median(rates.with).toFixed(0)}/s : ${median(rates.without).toFixed(0)}/s)`,
      goal: '≤ 10 %',
      met: cost <= 0.1,
    }
  } finally {
    await runtime.dispose()
  }
}

/** Rates of each, round by round; the first round only warms up. */
async function inTurn<K extends string>(loads: Record<K, Load>): Promise<Record<K, number[]>> {
  const names = Object.keys(loads) as K[]
  const rates = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<
    K,
    number[]
  >
  for (let round = 0; round <= ROUNDS; round++)
    for (const name of names) {
      const measured = await rate(loads[name])
      if (round > 0) rates[name].push(measured)
    }
  return rates
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
