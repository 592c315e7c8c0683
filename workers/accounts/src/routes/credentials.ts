import type { OpenAPIHono } from '@hono/zod-openapi'
import { credentials as routes } from '@menagerie/contracts/routes'
import {
  AppError,
  authenticate,
  data,
  guardRoutes,
  type Principal,
  principalOf,
  toTimestamp,
  toTraceparent,
} from '@menagerie/core'
import type { Context } from 'hono'
import type { App } from '../context.ts'
import { contactOf } from '../credentials/contact-point.ts'
import { aliveSession } from '../credentials/fresh-factor.ts'
import { listPasskeys, removePasskey } from '../credentials/passkeys/passkeys.ts'
import { registerPasskey, startRegistration } from '../credentials/passkeys/registration.ts'
import { changePassword } from '../credentials/passwords/change.ts'
import { forgotPassword } from '../credentials/passwords/forgot.ts'
import { resetPassword } from '../credentials/passwords/reset.ts'
import { createRecoveryCodes, recoveryCodesLeft } from '../credentials/recovery-codes.ts'
import { startCode } from '../credentials/start-code.ts'
import { confirmTotp, disableTotp, setUpTotp } from '../credentials/totp-setup.ts'
import { verifyContact } from '../credentials/verify-contact.ts'
import type { UserRow } from '../db/schema.ts'
import { findUser } from '../db/users.ts'
import { verifier } from '../deployment.ts'
import { addressOf } from '../guard/login-guard.ts'
import { requireOwnSession } from '../sessions/own-session.ts'
import {
  passkeySignInOptions,
  verifyPasskeySignIn,
  verifySecondFactor,
} from '../sign-in/authenticate.ts'
import { checkCodeSignIn } from '../sign-in/code-sign-in.ts'
import { finishSignIn, openFor, requireOwnClient } from '../sign-in/sign-in.ts'
import { stepUp } from '../sign-in/step-up.ts'
import { counted, noStore } from './sign-in-answer.ts'

const guarded = guardRoutes(verifier)

/** Adds second factors, one-time codes, passwords and passkeys. */
export function credentialRoutes(app: OpenAPIHono<App>): void {
  signInRoutes(app)
  codeRoutes(app)
  passwordRoutes(app)
  passkeyRoutes(app)
  secondFactorRoutes(app)
}

function signInRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.mfaVerify), async (c) => {
    const tokens = await counted(c, async () => {
      const from = { address: addressOf(c), trace: c.get('trace') }
      const shown = await verifySecondFactor(c.env, { ...c.req.valid('json'), ...from })
      return openFor(c.env, shown.user, shown.methods, shown.deviceName, from.trace)
    })
    return c.json(data(c, tokens), 200)
  })
  app.openapi(guarded(routes.otpVerify), async (c) => {
    const { challengeId, code, clientId, deviceName = null } = c.req.valid('json')
    const tokens = await counted(c, async () => {
      requireOwnClient(c.env, clientId)
      const from = { address: addressOf(c), trace: c.get('trace') }
      const result = await checkCodeSignIn(c.env, { challengeId, code, deviceName, ...from })
      return finishSignIn(c.env, result, deviceName, from.trace)
    })
    return c.json(data(c, tokens), 200)
  })
  app.openapi(guarded(routes.passkeyLoginOptions), async (c) => {
    noStore(c)
    return c.json(data(c, await passkeySignInOptions(c.env, c.req.valid('json'))), 200)
  })
  app.openapi(guarded(routes.passkeyLogin), async (c) => {
    const { challengeId, credential, clientId, deviceName = null } = c.req.valid('json')
    const tokens = await counted(c, async () => {
      requireOwnClient(c.env, clientId)
      const from = { address: addressOf(c), trace: c.get('trace') }
      const shown = await verifyPasskeySignIn(c.env, { challengeId, credential, ...from })
      return openFor(c.env, shown.user, shown.methods, deviceName, from.trace)
    })
    return c.json(data(c, tokens), 200)
  })
  app.openapi(guarded(routes.stepUp), async (c) => {
    const { principal, user } = await ownerOf(c)
    noStore(c)
    const body = c.req.valid('json')
    const tokens = await stepUp(c.env, principal, user, body, addressOf(c), c.get('trace'))
    return c.json(data(c, tokens), 200)
  })
}

function codeRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.otpStart), async (c) => {
    const bearer = () => authenticate(verifier(c.env), c.req.header('authorization'))
    const body = c.req.valid('json')
    const started = await startCode(c.env, body, bearer, addressOf(c), c.get('trace'))
    return c.json(data(c, started), 202)
  })
  for (const route of [routes.phoneVerify, routes.emailVerify] as const)
    app.openapi(guarded(route), async (c) => {
      const body: { phoneNumber?: string; email?: string; code: string } = c.req.valid('json')
      const contact = contactOf(body)
      await verifyContact(
        c.env,
        contact,
        body.code,
        await bearerOf(c),
        addressOf(c),
        c.get('trace'),
      )
      return c.body(null, 204)
    })
}

function passwordRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.passwordForgot), async (c) => {
    const body = c.req.valid('json')
    const expiresAt = await forgotPassword(c.env, body, addressOf(c), c.get('trace'))
    return c.json(data(c, { expiresAt: toTimestamp(expiresAt) }), 202)
  })
  app.openapi(guarded(routes.passwordReset), async (c) => {
    await resetPassword(c.env, c.req.valid('json'), c.get('trace'))
    return c.body(null, 204)
  })
  app.openapi(guarded(routes.passwordChange), async (c) => {
    const { principal, user } = await ownerOf(c)
    const body = c.req.valid('json')
    await changePassword(c.env, principal, user, body, addressOf(c), c.get('trace'))
    return c.body(null, 204)
  })
}

function passkeyRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.passkeyRegisterOptions), async (c) => {
    const { principal, user } = await ownerOf(c)
    return c.json(data(c, await startRegistration(c.env, principal, user)), 200)
  })
  app.openapi(guarded(routes.passkeyRegister), async (c) => {
    const { user } = await ownerOf(c)
    const traceparent = toTraceparent(c.get('trace'))
    return c.json(
      data(c, await registerPasskey(c.env, user, c.req.valid('json'), traceparent)),
      201,
    )
  })
  app.openapi(guarded(routes.passkeys), async (c) =>
    c.json(data(c, await listPasskeys(c.env.DB, (await ownerOf(c)).user.id)), 200),
  )
  app.openapi(guarded(routes.removePasskey), async (c) => {
    const { user } = await ownerOf(c)
    await removePasskey(c.env, user, c.req.valid('param').id, toTraceparent(c.get('trace')))
    return c.body(null, 204)
  })
}

function secondFactorRoutes(app: OpenAPIHono<App>): void {
  app.openapi(guarded(routes.totpSetup), async (c) => {
    const { principal, user } = await ownerOf(c)
    noStore(c)
    return c.json(data(c, await setUpTotp(c.env, principal, user)), 201)
  })
  app.openapi(guarded(routes.totpConfirm), async (c) => {
    const { user } = await ownerOf(c)
    noStore(c)
    const { code } = c.req.valid('json')
    const codes = await confirmTotp(c.env, user, code, addressOf(c), c.get('trace'))
    return c.json(data(c, { codes }), 200)
  })
  app.openapi(guarded(routes.totpDisable), async (c) => {
    const { user } = await ownerOf(c)
    await disableTotp(c.env, user, c.req.valid('json'), addressOf(c), c.get('trace'))
    return c.body(null, 204)
  })
  app.openapi(guarded(routes.recoveryCodes), async (c) => {
    const { remaining, createdAt } = await recoveryCodesLeft(c.env.DB, (await ownerOf(c)).user.id)
    const since = createdAt === null ? null : toTimestamp(createdAt)
    return c.json(data(c, { remaining, createdAt: since }), 200)
  })
  app.openapi(guarded(routes.newRecoveryCodes), async (c) => {
    const { user } = await ownerOf(c)
    noStore(c)
    const codes = await createRecoveryCodes(c.env, user, toTraceparent(c.get('trace')))
    return c.json(data(c, { codes }), 201)
  })
}

/** The bearer's account, at a client of our own. @throws AppError `unauthorized`, `forbidden` */
async function ownerOf(c: Context<App>): Promise<{ principal: Principal; user: UserRow }> {
  const principal = principalOf(c)
  await requireOwnSession(c.env, principal)
  const user = await findUser(c.env.DB, principal.id)
  if (user === undefined || user.status === 'disabled')
    throw new AppError('unauthorized', 'The account of this token is not active')
  return { principal, user }
}

/** Who calls a public route, where they show a token. @throws AppError `unauthorized` for one that is not good, `forbidden` */
async function bearerOf(c: Context<App>): Promise<Principal | undefined> {
  const header = c.req.header('authorization')
  if (header === undefined) return undefined
  const principal = await authenticate(verifier(c.env), header)
  await requireOwnSession(c.env, principal)
  await aliveSession(c.env, principal)
  return principal
}
