import type { Passkey, TokenResponse } from '@menagerie/contracts'
import { describe, expect, it } from 'vitest'
import { claimsOf, env } from '../support/accounts.ts'
import { Authenticator, type Mischief } from './authenticator.ts'
import { account, ask, auditsOf, halfSignedIn, messagesTo, steppedUp, withTotp } from './support.ts'

interface Started {
  challengeId: string
  options: {
    challenge: string
    rp?: { id: string }
    rpId?: string
    user?: { id: string }
    allowCredentials?: { id: string }[]
    userVerification?: string
    authenticatorSelection?: { residentKey: string; userVerification: string }
  }
}

const begin = (token: string) =>
  ask<Started>('/auth/passkeys/register/options', { method: 'POST', token })

async function register(token: string, key: Authenticator, mischief: Mischief = {}) {
  const { challengeId, options } = (await begin(token)).body.data
  const credential = await key.create(options, mischief)
  return ask<Passkey>('/auth/passkeys/register/verify', {
    token,
    body: { challengeId, credential, name: 'my key' },
  })
}

const challenge = async (body: object = {}) =>
  (await ask<Started>('/auth/passkeys/login/options', { body })).body.data

async function signIn(key: Authenticator, mischief: Mischief = {}) {
  const { challengeId, options } = await challenge()
  const credential = await key.get(options, mischief)
  return ask<TokenResponse>('/auth/passkeys/login/verify', { body: { challengeId, credential } })
}

async function withPasskey() {
  const user = await account()
  const key = await Authenticator.make()
  const made = await register(user.token, key)
  if (made.status !== 201) throw new Error(`registration answered ${made.status}`)
  return { ...user, key, passkey: made.body.data }
}

describe('a passkey', () => {
  it('is made for this host alone, found without a name, with the user verified (WebAuthn §7.1)', async () => {
    const user = await account()
    const { options } = (await begin(user.token)).body.data
    expect(options.rp?.id).toBe('localhost')
    expect(options.authenticatorSelection).toMatchObject({
      residentKey: 'required',
      userVerification: 'required',
    })
    const made = await register(user.token, await Authenticator.make())
    expect(made.status).toBe(201)
    expect(made.body.data).toMatchObject({ name: 'my key', lastUsedAt: null })
    const listed = await ask<Passkey[]>('/users/profile/mfa/passkeys', { token: user.token })
    expect(listed.body.data).toHaveLength(1)
    expect(await auditsOf(user.id)).toContain('passkey.added')
    expect((await messagesTo(user.username)).at(-1)?.body).toContain('passkey was added')
  })

  it('signs in by itself, with acr "2" (WebAuthn §7.2)', async () => {
    const user = await withPasskey()
    const answer = await signIn(user.key)
    expect(answer.status).toBe(200)
    const claims = claimsOf(answer.body.data.access_token)
    expect([claims.sub, claims.acr]).toEqual([user.id, '2'])
  })

  it.each<[string, Mischief]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['our host on another port', { origin: 'http://localhost:9999' }],
    ['another host', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'c29tZXRoaW5nLWVsc2U' }],
    ['no verification of the user', { userVerified: false }],
  ])('made for %s is refused', async (_what, mischief) => {
    const user = await account()
    const answer = await register(user.token, await Authenticator.make(), mischief)
    expect([answer.status, answer.body.code]).toEqual([401, 'invalid_code'])
    const listed = await ask<Passkey[]>('/users/profile/mfa/passkeys', { token: user.token })
    expect(listed.body.data).toEqual([])
  })

  it.each<[string, Mischief]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another host', { rpId: 'evil.example' }],
    ['another challenge', { challenge: 'c29tZXRoaW5nLWVsc2U' }],
    ['no verification of the user', { userVerified: false }],
    ['something else signed', { badSignature: true }],
  ])('shown with %s is refused', async (_what, mischief) => {
    const user = await withPasskey()
    const answer = await signIn(user.key, mischief)
    expect([answer.status, answer.body.code]).toEqual([401, 'invalid_code'])
    expect(await auditsOf(user.id)).toContain('sign-in.failed')
  })

  it('whose counter does not go on is a copy, and refused (WebAuthn §6.1.1)', async () => {
    const user = await withPasskey()
    expect((await signIn(user.key, { counter: 7 })).status).toBe(200)
    expect((await signIn(user.key, { counter: 7 })).status).toBe(401)
    expect((await signIn(user.key, { counter: 3 })).status).toBe(401)
    expect((await signIn(user.key, { counter: 8 })).status).toBe(200)
  })

  it('without a counter works again and again', async () => {
    const user = await withPasskey()
    expect((await signIn(user.key, { counter: 0 })).status).toBe(200)
    expect((await signIn(user.key, { counter: 0 })).status).toBe(200)
  })

  it('answers a challenge once, though twenty answers come at the same time', async () => {
    const user = await withPasskey()
    const { challengeId, options } = await challenge()
    const credential = await user.key.get(options)
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        ask('/auth/passkeys/login/verify', { body: { challengeId, credential } }),
      ),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
  }, 60_000)

  it('is no way in for a disabled account, nor for a key nobody registered', async () => {
    const user = await withPasskey()
    await env.DB.prepare(`UPDATE users SET status = 'disabled' WHERE id = ?`).bind(user.id).run()
    expect((await signIn(user.key)).status).toBe(401)
    expect((await signIn(await Authenticator.make())).status).toBe(401)
  })

  it('is a second factor behind the password, of its owner alone', async () => {
    const user = await withPasskey()
    const other = await withPasskey()
    const half = await halfSignedIn(user.username)
    expect(half.methods[0]).toBe('passkey')
    const prove = async (key: Authenticator) => {
      const { challengeId, options } = await challenge({ mfaToken: half.mfaToken })
      expect(options.allowCredentials).toMatchObject([{ id: user.passkey.id }])
      const credential = await key.get(options)
      const body = { mfaToken: half.mfaToken, method: 'passkey', challengeId, credential }
      return ask<TokenResponse>('/auth/mfa/verify', { body })
    }
    expect((await prove(other.key)).status).toBe(401)
    const done = await prove(user.key)
    expect(done.status).toBe(200)
    expect(claimsOf(done.body.data.access_token).acr).toBe('2')
  })

  it('steps a session up, of its owner alone', async () => {
    const user = await withPasskey()
    const other = await account()
    const prove = async (token: string) => {
      const { challengeId, options } = await challenge()
      const credential = await user.key.get(options)
      const body = { method: 'passkey', challengeId, credential }
      return ask<TokenResponse>('/auth/step-up', { token, body })
    }
    expect((await prove(other.token)).body.code).toBe('invalid_code')
    const done = await prove(user.token)
    expect([done.status, claimsOf(done.body.data.access_token).acr]).toEqual([200, '2'])
  })

  it('is added only with a fresh second factor where one is set up', async () => {
    const user = await withPasskey()
    const refused = await begin(user.token)
    expect([refused.status, refused.body.code]).toEqual([403, 'step_up_required'])
    const signedIn = (await signIn(user.key)).body.data.access_token
    expect((await register(signedIn, await Authenticator.make())).status).toBe(201)
    expect((await register(signedIn, user.key)).body.code).toBe('conflict')
  })

  it('options tell nobody which names have passkeys (S46)', async () => {
    const user = await withPasskey()
    const known = await challenge({ username: user.username })
    const unknown = await challenge({ username: 'nobody@example.com' })
    const shape = ({ options }: Started) => ({ ...options, challenge: '' })
    expect(shape(known)).toEqual(shape(unknown))
  })

  it('of another cannot be removed, and one of your own needs a fresh second factor', async () => {
    const user = await withPasskey()
    const other = await account()
    const { secret } = await withTotp(other)
    const token = await steppedUp(other, secret)
    const remove = (by: string) =>
      ask(`/users/profile/mfa/passkeys/${user.passkey.id}`, { method: 'DELETE', token: by })
    expect((await remove(token)).status).toBe(404)
    expect((await remove(user.token)).body.code).toBe('step_up_required')
    const signedIn = (await signIn(user.key)).body.data.access_token
    expect((await remove(signedIn)).status).toBe(204)
    expect((await signIn(user.key)).status).toBe(401)
    expect((await auditsOf(user.id)).filter((a) => a === 'passkey.removed')).toHaveLength(1)
  })
})
