import { z } from '@hono/zod-openapi'
import { EmailAddress, freeText, Id, PhoneNumber, Timestamp } from './primitives.ts'
import { Password } from './users.ts'

/** Ways to show a second factor. */
export const SecondFactorMethod = z.enum(['totp', 'recovery_code', 'passkey', 'sms', 'email'])
export type SecondFactorMethod = z.infer<typeof SecondFactorMethod>

const Code = z
  .string()
  .transform((text) => text.replaceAll(/[\s-]/g, ''))
  .pipe(z.string().min(6).max(64))
const Token = z.string().min(16).max(512)
/** What a browser's `navigator.credentials` answered, as JSON (WebAuthn §5.1). Checked by the ceremony itself. */
const PublicKeyCredential = z.looseObject({
  id: z.string().min(1).max(1024),
  response: z.looseObject({}),
})

export const MfaVerifyRequest = z
  .strictObject({
    mfaToken: Token,
    method: SecondFactorMethod,
    /** For every method but `passkey`. */
    code: Code.optional(),
    /** For `passkey`, with the `challengeId` of its options. */
    challengeId: Token.optional(),
    credential: PublicKeyCredential.optional(),
  })
  .openapi('MfaVerifyRequest')
export type MfaVerifyRequest = z.infer<typeof MfaVerifyRequest>

export const StepUpRequest = z
  .strictObject({
    method: SecondFactorMethod,
    code: Code.optional(),
    challengeId: Token.optional(),
    credential: PublicKeyCredential.optional(),
  })
  .openapi('StepUpRequest')
export type StepUpRequest = z.infer<typeof StepUpRequest>

/** An access token of the same session with `acr` "2", good for critical actions until `step_up_expires_in` is over. */
export const StepUpResponse = z
  .strictObject({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.number().int(),
    scope: z.string(),
    session_state: Id,
    step_up_expires_in: z.number().int(),
  })
  .openapi('StepUpResponse')
export type StepUpResponse = z.infer<typeof StepUpResponse>

const contactPoints = { phoneNumber: PhoneNumber.optional(), email: EmailAddress.optional() }

/**
 * Asks for a one-time code. `sign-in` and `verify` name a number or an address; `second-factor` brings the `mfaToken` of a
 * sign-in and a channel; `step-up` and `change` need a token in the header: the first a channel, the second the new number
 * or address.
 */
export const OtpStartRequest = z
  .discriminatedUnion('purpose', [
    z.strictObject({ purpose: z.literal('sign-in'), ...contactPoints }),
    z.strictObject({ purpose: z.literal('verify'), ...contactPoints }),
    z.strictObject({
      purpose: z.literal('second-factor'),
      mfaToken: Token,
      channel: z.enum(['sms', 'email']),
    }),
    z.strictObject({ purpose: z.literal('step-up'), channel: z.enum(['sms', 'email']) }),
    z.strictObject({ purpose: z.literal('change'), ...contactPoints }),
  ])
  .openapi('OtpStartRequest')
export type OtpStartRequest = z.infer<typeof OtpStartRequest>

/** The same for numbers and addresses that are known and those that are not. */
export const OtpStarted = z
  .strictObject({
    challengeId: z.string(),
    channel: z.enum(['sms', 'email']),
    expiresAt: Timestamp,
  })
  .openapi('OtpStarted')
export type OtpStarted = z.infer<typeof OtpStarted>

/** Signs in with a code that `/auth/otp/start` sent for `sign-in`. */
export const OtpVerifyRequest = z
  .strictObject({
    challengeId: Token,
    code: Code,
    clientId: z.string().min(1).max(64).optional(),
    deviceName: freeText(128).optional(),
  })
  .openapi('OtpVerifyRequest')
export type OtpVerifyRequest = z.infer<typeof OtpVerifyRequest>

/**
 * Verifies a number or an address with the code that was sent there. For a new one (`change`) the request carries the
 * token of the account it is for.
 */
export const PhoneVerifyRequest = z
  .strictObject({ phoneNumber: PhoneNumber, code: Code })
  .openapi('PhoneVerifyRequest')
export type PhoneVerifyRequest = z.infer<typeof PhoneVerifyRequest>

export const EmailVerifyRequest = z
  .strictObject({ email: EmailAddress, code: Code })
  .openapi('EmailVerifyRequest')
export type EmailVerifyRequest = z.infer<typeof EmailVerifyRequest>

export const ForgotPasswordRequest = z
  .strictObject({ username: z.string().min(1).max(254).optional(), ...contactPoints })
  .refine(
    ({ username, phoneNumber, email }) =>
      [username, phoneNumber, email].filter((each) => each !== undefined).length === 1,
    'give exactly one of username, phoneNumber and email',
  )
  .openapi('ForgotPasswordRequest')
export type ForgotPasswordRequest = z.infer<typeof ForgotPasswordRequest>

export const PasswordResetStarted = z
  .strictObject({ expiresAt: Timestamp })
  .openapi('PasswordResetStarted')
export type PasswordResetStarted = z.infer<typeof PasswordResetStarted>

export const ResetPasswordRequest = z
  .strictObject({ token: Token, password: Password })
  .openapi('ResetPasswordRequest')
export type ResetPasswordRequest = z.infer<typeof ResetPasswordRequest>

export const ChangePasswordRequest = z
  .strictObject({ currentPassword: z.string().min(1).max(1024), newPassword: Password })
  .openapi('ChangePasswordRequest')
export type ChangePasswordRequest = z.infer<typeof ChangePasswordRequest>

/** A secret to put into an authenticator app. It is shown this once, and asked for only after a code has confirmed it. */
export const TotpSetup = z
  .strictObject({
    /** base32 (RFC 4648 §6). */
    secret: z.string(),
    /** `otpauth://totp/…`, for a QR code. */
    uri: z.string(),
    expiresAt: Timestamp,
  })
  .openapi('TotpSetup')
export type TotpSetup = z.infer<typeof TotpSetup>

export const ConfirmTotpRequest = z.strictObject({ code: Code }).openapi('ConfirmTotpRequest')
export type ConfirmTotpRequest = z.infer<typeof ConfirmTotpRequest>

export const DisableTotpRequest = z
  .strictObject({ password: z.string().min(1).max(1024), code: Code })
  .openapi('DisableTotpRequest')
export type DisableTotpRequest = z.infer<typeof DisableTotpRequest>

/** New recovery codes, shown this once; those before them are void. */
export const RecoveryCodes = z.strictObject({ codes: z.array(z.string()) }).openapi('RecoveryCodes')
export type RecoveryCodes = z.infer<typeof RecoveryCodes>

export const RecoveryCodesLeft = z
  .strictObject({ remaining: z.number().int(), createdAt: Timestamp.nullable() })
  .openapi('RecoveryCodesLeft')
export type RecoveryCodesLeft = z.infer<typeof RecoveryCodesLeft>

/** Options for `navigator.credentials`, as JSON (WebAuthn §5.1.8–9). */
export const PasskeyOptions = z
  .strictObject({ challengeId: z.string(), options: z.looseObject({ challenge: z.string() }) })
  .openapi('PasskeyOptions')
export type PasskeyOptions = z.infer<typeof PasskeyOptions>

export const RegisterPasskeyRequest = z
  .strictObject({
    challengeId: Token,
    credential: PublicKeyCredential,
    name: freeText(128),
  })
  .openapi('RegisterPasskeyRequest')
export type RegisterPasskeyRequest = z.infer<typeof RegisterPasskeyRequest>

/**
 * The browser offers every passkey it has for this host. A name alone makes no difference, or anybody could ask who has
 * passkeys; with an `mfaToken` those of the account are asked for.
 */
export const PasskeyLoginOptionsRequest = z
  .strictObject({ username: z.string().min(1).max(254).optional(), mfaToken: Token.optional() })
  .openapi('PasskeyLoginOptionsRequest')
export type PasskeyLoginOptionsRequest = z.infer<typeof PasskeyLoginOptionsRequest>

export const PasskeyLoginRequest = z
  .strictObject({
    challengeId: Token,
    credential: PublicKeyCredential,
    clientId: z.string().min(1).max(64).optional(),
    deviceName: freeText(128).optional(),
  })
  .openapi('PasskeyLoginRequest')
export type PasskeyLoginRequest = z.infer<typeof PasskeyLoginRequest>

export const Passkey = z
  .strictObject({
    id: z.string(),
    name: z.string(),
    /** Whether it is kept in the cloud of its maker, and so on several devices. */
    backedUp: z.boolean(),
    createdAt: Timestamp,
    lastUsedAt: Timestamp.nullable(),
  })
  .openapi('Passkey')
export type Passkey = z.infer<typeof Passkey>
