import { SecondFactorMethod } from '@menagerie/contracts'
import { z } from 'zod'

const token = z.string().max(128)
const name = z.string().trim().max(254)
const code = z
  .string()
  .max(64)
  .transform((text) => text.replaceAll(/[\s-]/g, ''))

/** A passkey's answer as a script of ours filled it in: JSON of `PublicKeyCredential.toJSON()` (WebAuthn §5.1). */
const Credential = z
  .string()
  .max(16_384)
  .transform((text, context) => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue({ code: 'custom', message: 'is no JSON' })
      return z.NEVER
    }
  })
  .pipe(z.looseObject({ id: z.string().min(1).max(1024), response: z.looseObject({}) }))

const passkey = { challengeId: z.string().min(16).max(512), credential: Credential }

/** What the pages of an interaction send: each form is one step. */
export const InteractionForm = z.union([
  z.object({
    step: z.literal('password'),
    csrf: token,
    identifier: name,
    password: z.string().max(1024),
  }),
  z.object({ step: z.literal('passkey'), csrf: token, ...passkey }),
  z.object({
    step: z.literal('second-factor'),
    csrf: token,
    method: z.literal('passkey'),
    ...passkey,
  }),
  z.object({
    step: z.literal('second-factor'),
    csrf: token,
    method: SecondFactorMethod.exclude(['passkey']),
    code,
  }),
  z.object({ step: z.literal('send'), csrf: token, method: z.enum(['sms', 'email']) }),
  z.object({ step: z.enum(['restart', 'cancel', 'allow', 'deny']), csrf: token }),
])
export type InteractionForm = z.infer<typeof InteractionForm>

/** A form of one step. */
export type FormOf<S extends InteractionForm['step']> = Extract<InteractionForm, { step: S }>
