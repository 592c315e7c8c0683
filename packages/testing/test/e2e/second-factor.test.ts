import { ApiError, createSession, type Session } from '@menagerie/client'
import { credentials, roles, users } from '@menagerie/contracts/routes'
import { totpCode } from '@menagerie/lab/authenticator'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signInAs } from '../../src/follow-call.ts'
import { type HarnessSystem, startHarness, waitFor } from '../../src/index.ts'
import { demoUser } from './support/identity.ts'

let system: HarnessSystem
/** Signed in by password and app; a code works once, and the next comes in half a minute. */
let admin: Session
let asked: { mfaToken: string; methods: string[] }

beforeAll(async () => {
  // As everywhere but in development.
  system = await startHarness({
    lab: true,
    seed: true,
    vars: { REQUIRE_ADMIN_SECOND_FACTOR: 'true' },
  })
  const { session, ...rest } = await halfSignedIn('admin')
  const { totpSecret = '' } = demoUser(system, 'admin')
  const code = totpCode(totpSecret, Date.now())
  await session.finishSignIn({ mfaToken: rest.mfaToken, method: 'totp', code })
  admin = session
  asked = rest
})

afterAll(() => system?.stop())

/** Signs in with the password alone, which is not enough. */
async function halfSignedIn(role: string) {
  const { username, password } = demoUser(system, role)
  const session = createSession({ baseUrl: system.url })
  const refused = await session.signIn({ username, password }).catch((error: unknown) => error)
  if (!(refused instanceof ApiError)) throw new Error(`${username} signed in by password alone`)
  expect(refused.code).toBe('mfa_required')
  const { mfaToken, methods } = refused.problem as unknown as {
    mfaToken: string
    methods: string[]
  }
  return { session, mfaToken, methods }
}

/** The code in the newest message that the lab's carrier was given. */
async function codeSentTo(number: string): Promise<string> {
  let code: string | undefined
  await waitFor(
    async () => {
      const answer = await fetch(`${system.labUrl}/inbox/sms`)
      const { data } = (await answer.json()) as { data: { to: string; body: string }[] }
      const message = data.findLast(({ to }) => to === number)
      code = /\b\d{6}\b/.exec(message?.body ?? '')?.[0]
      return code !== undefined
    },
    { what: `a code for ${number}`, timeoutMs: 20_000 },
  )
  return code ?? ''
}

it('asks administrators for a second factor at every sign-in (B42, S56)', async () => {
  expect(asked.methods).toEqual(['totp'])
  const early = await fetch(`${system.url}/users/profile`, {
    headers: { authorization: `Bearer ${asked.mfaToken}` },
  })
  expect(early.status).toBe(401)
  expect(decodeJwt(admin.tokens?.accessToken ?? '').acr).toBe('2')
})

it('sends who became an administrator a code by SMS, having refused the token from before (B37, S67)', async () => {
  const supervisor = await signInAs(system, 'supervisor')
  const { data: profile } = await supervisor.client.call(users.profile)
  const old = supervisor.tokens?.accessToken ?? ''
  await admin.client.call(roles.assign, { params: { id: profile.id }, body: { roles: ['admin'] } })
  await waitFor(
    async () =>
      (await fetch(`${system.url}/users/profile`, { headers: { authorization: `Bearer ${old}` } }))
        .status === 401,
    { what: 'the token with the old roles to be refused', timeoutMs: 10_000 },
  )

  const half = await halfSignedIn('supervisor')
  expect(half.methods).toEqual(['sms'])
  await half.session.client.call(credentials.otpStart, {
    body: { purpose: 'second-factor', mfaToken: half.mfaToken, channel: 'sms' },
  })
  const code = await codeSentTo(demoUser(system, 'supervisor').username)
  await half.session.finishSignIn({ mfaToken: half.mfaToken, method: 'sms', code })
  const claims = decodeJwt(half.session.tokens?.accessToken ?? '')
  expect(claims).toMatchObject({
    acr: '2',
    resource_access: { menagerie: { roles: ['admin'] } },
  })
  // Nothing else learnt the code: neither the log nor a queue's table.
  expect(system.logs()).not.toContain(code)
}, 90_000)
