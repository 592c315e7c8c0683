import type { AuthenticationMethod, LoginRequest, TokenResponse } from '@menagerie/contracts'
import { AppError, type Trace, toTraceparent } from '@menagerie/core'
import { type Env, settingsOf } from '../context.ts'
import type { UserRow } from '../db/schema.ts'
import { identifierOf } from '../identifiers.ts'
import { invalidField } from '../invalid-field.ts'
import { openSession } from '../sessions/open-session.ts'
import { tokensFor } from '../sessions/tokens.ts'
import { checkPasswordSignIn, type SignInResult } from './authenticate.ts'

/**
 * Signs in with a name and a password; the session's owner tells of it in the transaction that opens the session.
 *
 * @param address where the request comes from
 * @throws AppError `invalid_credentials`, `mfa_required` with `mfaToken` and `methods`, `too_many_attempts`,
 *   `validation_failed` for another client than our own, which sign in at the authorization endpoint
 */
export async function signIn(
  env: Env,
  body: LoginRequest,
  address: string,
  trace: Trace,
): Promise<TokenResponse> {
  requireOwnClient(env, body.clientId)
  const deviceName = body.deviceName ?? null
  const result = await checkPasswordSignIn(env, {
    identifier: identifierOf(body),
    password: body.password,
    address,
    trace,
    deviceName,
  })
  return finishSignIn(env, result, deviceName, trace)
}

/** Tokens for who has shown enough. @throws AppError `invalid_credentials`, `mfa_required` */
export async function finishSignIn(
  env: Env,
  result: SignInResult,
  deviceName: string | null,
  trace: Trace,
): Promise<TokenResponse> {
  switch (result.status) {
    case 'refused':
      throw new AppError('invalid_credentials', 'The name or the password is wrong')
    case 'second_factor':
      throw new AppError('mfa_required', 'Show a second factor: POST /auth/mfa/verify', {
        members: { mfaToken: result.mfaToken, methods: result.methods },
      })
    case 'authenticated':
      return openFor(env, result.user, result.methods, deviceName, trace)
  }
}

/** A session of our own client and its tokens. */
export async function openFor(
  env: Env,
  user: UserRow,
  methods: AuthenticationMethod[],
  deviceName: string | null,
  trace: Trace,
): Promise<TokenResponse> {
  const grant = await openSession(env, {
    user,
    clientId: settingsOf(env).CLIENT_ID,
    deviceName,
    methods,
    traceparent: toTraceparent(trace),
  })
  return tokensFor(env, user, grant)
}

/** @throws AppError `validation_failed` */
export function requireOwnClient(env: Env, clientId: string | undefined): void {
  if (clientId !== undefined && clientId !== settingsOf(env).CLIENT_ID)
    throw invalidField('/clientId', 'unknown_client', 'is no client of ours')
}
