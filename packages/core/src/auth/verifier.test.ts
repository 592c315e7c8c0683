import fc from 'fast-check'
import { exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { newId } from '../ids.ts'
import { TokenVerifier } from './verifier.ts'

const issuer = 'http://localhost:8787/auth/realms/menagerie'
const now = 1_700_000_000_000
let ours: Awaited<ReturnType<typeof generateKeyPair>>
let theirs: Awaited<ReturnType<typeof generateKeyPair>>
let publicKey: JWK
let asked: boolean[]

beforeAll(async () => {
  ours = await generateKeyPair('RS256')
  theirs = await generateKeyPair('RS256')
  publicKey = { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
})

const verifier = (audience?: string, clock = () => now) => {
  asked = []
  return new TokenVerifier({
    issuer,
    clientIds: ['menagerie'],
    ...(audience ? { audience } : {}),
    keys: {
      keys: async (fresh) => {
        asked.push(fresh)
        return { keys: [publicKey] }
      },
    },
    now: clock,
  })
}

const sid = newId()
const claims = (): JWTPayload => ({
  exp: now / 1000 + 900,
  iat: now / 1000,
  jti: crypto.randomUUID(),
  iss: issuer,
  sub: newId(),
  typ: 'Bearer',
  azp: 'menagerie',
  session_state: sid,
  acr: '1',
  resource_access: { menagerie: { roles: ['user'] } },
  scope: 'email profile',
  sid,
  email_verified: true,
  preferred_username: '+12025550101',
  permissions: ['profile:read'],
})

const sign = (payload: JWTPayload, header: object = {}, key = ours.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k1', ...header }).sign(key)

describe('TokenVerifier', () => {
  it('takes a token of ours and knows who it is', async () => {
    const payload = claims()
    expect(await verifier().verify(await sign(payload))).toEqual({
      ok: true,
      value: {
        kind: 'user',
        id: payload.sub,
        username: '+12025550101',
        sessionId: sid,
        roles: ['user'],
        permissions: ['profile:read'],
        acr: '1',
        expiresAt: now + 900_000,
      },
    })
  })

  it('asks for keys once, and remembers a verified token', async () => {
    const subject = verifier()
    const token = await sign(claims())
    await subject.verify(token)
    await subject.verify(token)
    expect(asked).toEqual([false])
  })

  const refused: [string, () => Promise<string>][] = [
    [
      'S01 alg none',
      async () =>
        `${btoa('{"alg":"none","kid":"k1"}')}.${btoa(JSON.stringify(claims()))}.x`.replaceAll(
          '=',
          '',
        ),
    ],
    [
      'S02 HS256 with our public key',
      () =>
        new SignJWT(claims())
          .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
          .sign(new TextEncoder().encode(publicKey.n)),
    ],
    ['S03 a kid that is a path', () => sign(claims(), { kid: '../../dev/null' })],
    ['S03 a kid of 10 KB', () => sign(claims(), { kid: 'k'.repeat(10_240) })],
    [
      'S04 jku with their key',
      () => sign(claims(), { jku: 'https://evil.example/jwks' }, theirs.privateKey),
    ],
    [
      'S05 jwk with their key',
      async () => sign(claims(), { jwk: await exportJWK(theirs.publicKey) }, theirs.privateKey),
    ],
    ['S06 expired past the leeway', () => sign({ ...claims(), exp: now / 1000 - 6 })],
    [
      'S06 without exp',
      () => sign(Object.fromEntries(Object.entries(claims()).filter(([name]) => name !== 'exp'))),
    ],
    ['S07 nbf in the future', () => sign({ ...claims(), nbf: now / 1000 + 60 })],
    ['S07 iat in the future', () => sign({ ...claims(), iat: now / 1000 + 61 })],
    ['S09 another issuer', () => sign({ ...claims(), iss: `${issuer}/` })],
    ['S10 a refresh token', () => sign({ ...claims(), typ: 'Refresh' })],
    ['S13 a forged signature', () => sign(claims(), {}, theirs.privateKey)],
    [
      'S14 an unknown crit header',
      async () => {
        const [header, ...rest] = (await sign(claims())).split('.')
        const changed = { ...(JSON.parse(atob(header ?? '')) as object), crit: ['x'], x: 1 }
        return [btoa(JSON.stringify(changed)).replaceAll('=', ''), ...rest].join('.')
      },
    ],
    ['a foreign client', () => sign({ ...claims(), azp: 'stranger' })],
    ['an unknown claim', () => sign({ ...claims(), admin: true })],
    ['two session ids', () => sign({ ...claims(), sid: newId() })],
    ['trailing data', async () => `${await sign(claims())}.x`],
  ]
  it.each(refused)('refuses %s', async (_, make) => {
    expect((await verifier().verify(await make())).ok).toBe(false)
  })

  it('S08 takes a service token for itself alone, S11 and the gateway takes none', async () => {
    const service = {
      exp: now / 1000 + 300,
      iat: now / 1000,
      jti: newId(),
      iss: issuer,
      sub: 'gateway',
      typ: 'Service',
      azp: 'gateway',
    }
    const token = await sign({ ...service, aud: 'communications' })
    expect(await verifier('communications').verify(token)).toMatchObject({
      ok: true,
      value: { kind: 'service', id: 'gateway' },
    })
    expect((await verifier('accounts').verify(token)).ok).toBe(false)
    expect((await verifier().verify(token)).ok).toBe(false)
    expect((await verifier('communications').verify(await sign(service))).ok).toBe(false)
  })

  const ofClient = (changes: JWTPayload = {}): JWTPayload => ({
    ...claims(),
    azp: 'bridge',
    resource_access: { bridge: { roles: ['bridge'] } },
    preferred_username: 'service-account-bridge',
    permissions: ['devices:bridge'],
    ...changes,
  })

  it('S41 takes the own token of a client that acts for itself, as a client without a session', async () => {
    const payload = ofClient()
    expect(await verifier().verify(await sign(payload))).toEqual({
      ok: true,
      value: {
        kind: 'client',
        id: payload.sub,
        username: 'service-account-bridge',
        sessionId: '',
        roles: ['bridge'],
        permissions: ['devices:bridge'],
        acr: '1',
        expiresAt: now + 900_000,
      },
    })
  })

  const strange: [string, JWTPayload][] = [
    ["a person's name on a client's token", { preferred_username: '+12025550101' }],
    ["another client's name on it", { preferred_username: 'service-account-other' }],
    ['a role that is not its own', { resource_access: { bridge: { roles: ['admin'] } } }],
    ['a role beside its own', { resource_access: { bridge: { roles: ['bridge', 'admin'] } } }],
    ['no role', { resource_access: { bridge: { roles: [] } } }],
    ['the role under another client', { resource_access: { menagerie: { roles: ['bridge'] } } }],
    ['a permission its role does not have', { permissions: ['devices:bridge', 'users:read'] }],
    ['a client that is none of ours', { azp: 'constructor' }],
    [
      'a client of the same shape that is none of ours',
      {
        azp: 'other',
        resource_access: { other: { roles: ['bridge'] } },
        preferred_username: 'service-account-other',
      },
    ],
    ['a service token (S11)', { typ: 'Service' }],
    ['two session ids', { sid: newId() }],
  ]
  it.each(strange)('S41 refuses %s', async (_, changes) => {
    expect(await verifier('devices').verify(await sign(ofClient(changes)))).toEqual({
      ok: false,
      error: 'bad_claims',
    })
  })

  it("never takes a token of the people's client for a client's, whatever name stands in it (S41)", async () => {
    const token = await sign({ ...claims(), preferred_username: 'service-account-bridge' })
    expect(await verifier().verify(token)).toMatchObject({
      ok: true,
      value: { kind: 'user', sessionId: sid, roles: ['user'] },
    })
  })

  it('S18 never takes a mutated token and never throws', async () => {
    const subject = verifier()
    const token = await sign(claims())
    await fc.assert(
      fc.asyncProperty(
        fc.nat(token.length - 1),
        fc.string({ minLength: 1, maxLength: 3 }),
        async (at, text) => {
          const mutated = token.slice(0, at) + text + token.slice(at + 1)
          fc.pre(mutated !== token)
          expect((await subject.verify(mutated)).ok).toBe(false)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('S15 refuses another spelling of the same signature', async () => {
    const token = await sign(claims())
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const last = alphabet.indexOf(token.at(-1) ?? '')
    for (let bits = 1; bits < 16; bits++) {
      const spelled = token.slice(0, -1) + alphabet[last | bits]
      expect((await verifier().verify(spelled)).ok).toBe(false)
    }
  })

  it('forgets a remembered token at its end', async () => {
    let time = now
    const subject = verifier(undefined, () => time)
    const token = await sign(claims())
    expect((await subject.verify(token)).ok).toBe(true)
    time += 905_001
    expect(await subject.verify(token)).toEqual({ ok: false, error: 'expired' })
  })

  it('answers alike within the leeway, whether or not the token was remembered', async () => {
    let time = now
    const subject = verifier(undefined, () => time)
    const token = await sign(claims())
    await subject.verify(token)
    time += 902_000
    for (let i = 0; i < 3; i++) expect((await subject.verify(token)).ok).toBe(true)
  })
})
