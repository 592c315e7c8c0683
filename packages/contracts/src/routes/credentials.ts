import { z } from '@hono/zod-openapi'
import {
  ChangePasswordRequest,
  ConfirmTotpRequest,
  DisableTotpRequest,
  EmailVerifyRequest,
  ForgotPasswordRequest,
  MfaVerifyRequest,
  OtpStarted,
  OtpStartRequest,
  OtpVerifyRequest,
  Passkey,
  PasskeyLoginOptionsRequest,
  PasskeyLoginRequest,
  PasskeyOptions,
  PasswordResetStarted,
  PhoneVerifyRequest,
  RecoveryCodes,
  RecoveryCodesLeft,
  RegisterPasskeyRequest,
  ResetPasswordRequest,
  StepUpRequest,
  StepUpResponse,
  TotpSetup,
} from '../credentials.ts'
import { dataOf } from '../envelope.ts'
import { signIn, tokens } from './auth.ts'
import { declare, jsonAnswer, jsonBody, type RoutePolicy } from './declare.ts'

/** Shows something only its owner has. */
const proof = {
  ...signIn,
  errors: [...signIn.errors, 'invalid_code'],
} as const satisfies RoutePolicy
const open = {
  service: 'accounts',
  access: 'public',
  rateLimit: 'auth',
  errors: ['too_many_attempts', 'invalid_code'],
} as const satisfies RoutePolicy
/** Of the bearer's own account. */
const own = {
  service: 'accounts',
  access: 'bearer',
  permission: 'profile:write',
  rateLimit: 'api',
  critical: true,
} as const satisfies RoutePolicy
const guarded = {
  ...own,
  errors: ['invalid_code', 'invalid_credentials', 'too_many_attempts', 'conflict'],
} as const satisfies RoutePolicy
const done = { 204: { description: 'Done' } } as const

export const credentials = {
  mfaVerify: declare(proof, {
    method: 'post',
    path: '/auth/mfa/verify',
    summary: 'Finish a sign-in with a second factor',
    request: jsonBody(MfaVerifyRequest),
    responses: tokens,
  }),
  stepUp: declare(guarded, {
    method: 'post',
    path: '/auth/step-up',
    summary: 'Show a second factor now, for a critical action within five minutes',
    request: jsonBody(StepUpRequest),
    responses: { 200: jsonAnswer(dataOf(StepUpResponse), 'An access token with acr "2"') },
  }),
  otpStart: declare(
    { ...open, errors: [...open.errors, 'unauthorized', 'step_up_required'] },
    {
      method: 'post',
      path: '/auth/otp/start',
      summary: 'Send a one-time code by SMS or e-mail',
      request: jsonBody(OtpStartRequest),
      responses: { 202: jsonAnswer(dataOf(OtpStarted), 'A code is on its way, if it may be') },
    },
  ),
  otpVerify: declare(proof, {
    method: 'post',
    path: '/auth/otp/verify',
    summary: 'Sign in with a one-time code',
    request: jsonBody(OtpVerifyRequest),
    responses: tokens,
  }),
  phoneVerify: declare(open, {
    method: 'post',
    path: '/auth/phone/verify',
    summary: 'Verify a phone number with the code that was sent there',
    request: jsonBody(PhoneVerifyRequest),
    responses: done,
  }),
  emailVerify: declare(open, {
    method: 'post',
    path: '/auth/email/verify',
    summary: 'Verify an e-mail address with the code that was sent there',
    request: jsonBody(EmailVerifyRequest),
    responses: done,
  }),
  passwordForgot: declare(open, {
    method: 'post',
    path: '/auth/password/forgot',
    summary: 'Send a link to set a new password',
    request: jsonBody(ForgotPasswordRequest),
    responses: {
      202: jsonAnswer(dataOf(PasswordResetStarted), 'A link is on its way, if there is an account'),
    },
  }),
  passwordReset: declare(open, {
    method: 'post',
    path: '/auth/password/reset',
    summary: 'Set a new password with the token of the link; every session ends',
    request: jsonBody(ResetPasswordRequest),
    responses: done,
  }),
  passwordChange: declare(
    { ...guarded, errors: [...guarded.errors, 'step_up_required'] },
    {
      method: 'post',
      path: '/auth/password/change',
      summary:
        'Change the password; every other session ends. With a second factor set up it is asked for',
      request: jsonBody(ChangePasswordRequest),
      responses: done,
    },
  ),
  passkeyRegisterOptions: declare(
    { ...guarded, errors: [...guarded.errors, 'step_up_required'] },
    {
      method: 'post',
      path: '/auth/passkeys/register/options',
      summary: 'Options to make a passkey (WebAuthn §7.1)',
      responses: { 200: jsonAnswer(dataOf(PasskeyOptions), 'Options for navigator.credentials') },
    },
  ),
  passkeyRegister: declare(guarded, {
    method: 'post',
    path: '/auth/passkeys/register/verify',
    summary: 'Keep a passkey that was made',
    request: jsonBody(RegisterPasskeyRequest),
    responses: { 201: jsonAnswer(dataOf(Passkey), 'The passkey') },
  }),
  passkeyLoginOptions: declare(open, {
    method: 'post',
    path: '/auth/passkeys/login/options',
    summary: 'Options to sign in with a passkey (WebAuthn §7.2)',
    request: jsonBody(PasskeyLoginOptionsRequest),
    responses: { 200: jsonAnswer(dataOf(PasskeyOptions), 'Options for navigator.credentials') },
  }),
  passkeyLogin: declare(proof, {
    method: 'post',
    path: '/auth/passkeys/login/verify',
    summary: 'Sign in with a passkey',
    request: jsonBody(PasskeyLoginRequest),
    responses: tokens,
  }),
  totpSetup: declare(
    { ...guarded, errors: [...guarded.errors, 'step_up_required'] },
    {
      method: 'post',
      path: '/users/profile/mfa/totp',
      summary: 'A new secret for an authenticator app (RFC 6238)',
      responses: { 201: jsonAnswer(dataOf(TotpSetup), 'The secret; a code must confirm it') },
    },
  ),
  totpConfirm: declare(guarded, {
    method: 'put',
    path: '/users/profile/mfa/totp',
    summary: 'Turn the second factor on with a code of the app',
    request: jsonBody(ConfirmTotpRequest),
    responses: { 200: jsonAnswer(dataOf(RecoveryCodes), 'On; recovery codes for a lost app') },
  }),
  totpDisable: declare(guarded, {
    method: 'delete',
    path: '/users/profile/mfa/totp',
    summary: 'Turn the second factor off with the password and a code',
    request: jsonBody(DisableTotpRequest),
    responses: done,
  }),
  recoveryCodes: declare(
    { ...own, permission: 'profile:read' },
    {
      method: 'get',
      path: '/users/profile/mfa/recovery-codes',
      summary: 'How many recovery codes are left',
      responses: { 200: jsonAnswer(dataOf(RecoveryCodesLeft), 'How many') },
    },
  ),
  newRecoveryCodes: declare(
    { ...own, stepUp: true, errors: ['conflict'] },
    {
      method: 'post',
      path: '/users/profile/mfa/recovery-codes',
      summary: 'New recovery codes; the old ones are void',
      responses: { 201: jsonAnswer(dataOf(RecoveryCodes), 'The codes, shown this once') },
    },
  ),
  passkeys: declare(
    { ...own, permission: 'profile:read' },
    {
      method: 'get',
      path: '/users/profile/mfa/passkeys',
      summary: "The bearer's passkeys",
      responses: { 200: jsonAnswer(dataOf(z.array(Passkey)), 'Every passkey') },
    },
  ),
  removePasskey: declare(
    { ...own, stepUp: true, errors: ['not_found'] },
    {
      method: 'delete',
      path: '/users/profile/mfa/passkeys/{id}',
      summary: 'Remove a passkey',
      request: { params: z.strictObject({ id: z.string().min(1).max(1024) }) },
      responses: done,
    },
  ),
} as const
