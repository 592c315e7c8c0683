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
let asked: (boolean | 'signed')[]

beforeAll(async () => {
  ours = await generateKeyPair('RS256')
  theirs = await generateKeyPair('RS256')
  publicKey = { ...(await exportJWK(ours.publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }
})

const verifier = (
  audience?: string,
  clock = () => now,
  clients: string[] | undefined = undefined,
) => {
  asked = []
  const published = [publicKey]
  return new TokenVerifier({
    issuer,
    clientIds: ['menagerie'],
    ...(audience ? { audience } : {}),
    keys: {
      keys: async (fresh) => {
        asked.push(fresh)
        return { keys: published, ...(clients === undefined ? {} : { clients }) }
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
        clientId: 'menagerie',
        roles: ['user'],
        permissions: ['profile:read'],
        acr: '1',
        issuedAt: now,
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
    [
      'S01 alg None',
      async () =>
        `${btoa('{"alg":"None","kid":"k1"}')}.${(await sign(claims())).split('.')[1]}.x`.replaceAll(
          '=',
          '',
        ),
    ],
    ['S01 an empty signature', async () => (await sign(claims())).replace(/[^.]+$/, '')],
    ['S03 a kid that is SQL', () => sign(claims(), { kid: "' OR 1=1--" })],
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
    ['S04 x5u', () => sign(claims(), { x5u: 'https://evil.example/x' }, theirs.privateKey)],
    [
      'S08 an ID token: its aud is the client',
      () => sign({ ...claims(), typ: 'ID', aud: 'menagerie' }),
    ],
    ['S08 an aud on an access token', () => sign({ ...claims(), aud: ['menagerie'] })],
    ['S09 an issuer in capitals', () => sign({ ...claims(), iss: issuer.toUpperCase() })],
    ['S10 an ID token', () => sign({ ...claims(), typ: 'ID' })],
    [
      'S12 a signature with one bit flipped',
      async () => {
        const token = await sign(claims())
        const at = token.lastIndexOf('.') + 5
        return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
      },
    ],
    [
      'S12 a signature of zeros',
      async () => (await sign(claims())).replace(/[^.]+$/, 'A'.repeat(342)),
    ],
    [
      'S13 edited claims under the old signature',
      async () => {
        const [header, , signature] = (await sign(claims())).split('.')
        const edited = { ...claims(), resource_access: { menagerie: { roles: ['admin'] } } }
        return `${header}.${btoa(JSON.stringify(edited)).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')}.${signature}`
      },
    ],
    ['S14 a JWE of five parts', async () => `${await sign(claims())}.x.y`],
    [
      'S15 a key twice in the claims',
      async () => {
        const [header, payload = '', signature] = (await sign(claims())).split('.')
        const twice = atob(payload.replaceAll('-', '+').replaceAll('_', '/')).replace(
          '{',
          '{"sub":"x",',
        )
        return `${header}.${btoa(twice).replaceAll('=', '').replaceAll('+', '-').replaceAll('/', '_')}.${signature}`
      },
    ],
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
    ['S08 a foreign client', () => sign({ ...claims(), azp: 'stranger' })],
    ['an unknown claim', () => sign({ ...claims(), admin: true })],
    [
      'a role that is no name',
      () => sign({ ...claims(), resource_access: { menagerie: { roles: ['A B'] } } }),
    ],
    ['two session ids', () => sign({ ...claims(), sid: newId() })],
    ['S15 trailing data', async () => `${await sign(claims())}.x`],
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

  it('S41 takes the own token of a client that acts for itself, as a client with its session', async () => {
    const payload = ofClient()
    expect(await verifier().verify(await sign(payload))).toEqual({
      ok: true,
      value: {
        kind: 'client',
        id: payload.sub,
        username: 'service-account-bridge',
        sessionId: sid,
        clientId: 'bridge',
        roles: ['bridge'],
        permissions: ['devices:bridge'],
        acr: '1',
        issuedAt: now,
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

  it('S18 never takes one of 1,000 mutated tokens and never throws', {
    timeout: 60_000,
  }, async () => {
    const subject = verifier()
    const token = await sign(claims())
    const edit = fc.record({
      at: fc.nat(token.length - 1),
      cut: fc.nat(3),
      text: fc.oneof(
        fc.string({ maxLength: 3 }),
        fc.string({ unit: 'binary', maxLength: 3 }),
        fc.constantFrom('.', '..', 'A', '='),
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 3 }), async (edits) => {
        const mutated = edits.reduce(
          (text, { at, cut, text: put }) => text.slice(0, at) + put + text.slice(at + cut),
          token,
        )
        fc.pre(mutated !== token)
        expect((await subject.verify(mutated)).ok).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  describe('registered clients', () => {
    const ofOther = (changes: JWTPayload = {}): JWTPayload => ({
      ...claims(),
      azp: 'other',
      resource_access: { other: { roles: ['user', 'a-role-of-theirs'] } },
      ...changes,
    })

    it('are known by the list that comes with the keys; a person signs in with them', async () => {
      expect(
        await verifier(undefined, undefined, ['other']).verify(await sign(ofOther())),
      ).toMatchObject({ ok: true, value: { kind: 'user', roles: ['user', 'a-role-of-theirs'] } })
      expect(asked).toEqual([false])
    })

    it('act for themselves under their own name, and no other (S41)', async () => {
      const token = await sign(ofOther({ preferred_username: 'service-account-other' }))
      expect(await verifier(undefined, undefined, ['other']).verify(token)).toMatchObject({
        ok: true,
        value: { kind: 'client', sessionId: sid },
      })
      const foreign = await sign(ofOther({ preferred_username: 'service-account-bridge' }))
      expect(await verifier(undefined, undefined, ['other']).verify(foreign)).toMatchObject({
        ok: true,
        value: { kind: 'user' },
      })
    })

    it('that are not in the list are asked for past the cache, and refused when nobody knows them', async () => {
      expect(await verifier(undefined, undefined, []).verify(await sign(ofOther()))).toEqual({
        ok: false,
        error: 'bad_claims',
      })
      expect(asked).toEqual([false, 'signed'])
    })
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
