import type { AuthenticationMethod, SecondFactorMethod } from '@menagerie/contracts'
import { type Trace, toTraceparent } from '@menagerie/core'
import type { Env } from '../context.ts'
import { type CodeKind, useCode } from '../credentials/codes.ts'
import { methodNames } from '../credentials/factors.ts'
import { type Credential, checkAssertion } from '../credentials/passkeys/assertion.ts'
import { takeRecoveryCode } from '../credentials/recovery-codes.ts'
import { useTotp } from '../credentials/use-totp.ts'
import type { UserRow } from '../db/schema.ts'

/** What somebody shows as second factor. */
export interface Proof {
  method: SecondFactorMethod
  code?: string | undefined
  challengeId?: string | undefined
  credential?: Credential | undefined
}

/**
 * Checks a second factor and spends it.
 *
 * @param sent where a code by SMS or e-mail was sent for: its kind, and the name it has for a channel
 * @returns the method as sessions name it; `undefined` for a wrong one
 */
export async function prove(
  env: Env,
  user: UserRow,
  proof: Proof,
  sent: { kind: CodeKind; token: (channel: 'sms' | 'email') => string },
  trace: Trace,
): Promise<AuthenticationMethod | undefined> {
  return (await isRight(env, user, proof, sent, trace)) ? methodNames[proof.method] : undefined
}

async function isRight(
  env: Env,
  user: UserRow,
  { method, code, challengeId, credential }: Proof,
  sent: { kind: CodeKind; token: (channel: 'sms' | 'email') => string },
  trace: Trace,
): Promise<boolean> {
  if (method === 'passkey') {
    if (challengeId === undefined || credential === undefined) return false
    return (await checkAssertion(env, { challengeId, credential }, user.id)).ok
  }
  if (code === undefined) return false
  switch (method) {
    case 'totp':
      return useTotp(env, user.id, code)
    case 'recovery_code':
      return takeRecoveryCode(env, user, code, toTraceparent(trace))
    case 'sms':
    case 'email': {
      const challenge = await useCode(env, sent.kind, sent.token(method), code)
      return challenge?.userId === user.id
    }
  }
}

/** How a code for the second factor of a sign-in is named: one for each sign-in and channel. */
export const secondFactorCodeName =
  (mfaToken: string) =>
  (channel: 'sms' | 'email'): string =>
    `${channel}:${mfaToken}`

/** How a code for a step-up is named: one for each session and channel. */
export const stepUpCodeName =
  (sessionId: string) =>
  (channel: 'sms' | 'email'): string =>
    `${channel}:${sessionId}`
