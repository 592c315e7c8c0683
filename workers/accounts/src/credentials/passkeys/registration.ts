import type { Passkey } from '@menagerie/contracts'
import {
  AppError,
  clockOf,
  type Principal,
  randomToken,
  toBase64Url,
  toTimestamp,
} from '@menagerie/core'
import {
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  type VerifiedRegistrationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import type { Env } from '../../context.ts'
import type { UserRow } from '../../db/schema.ts'
import { challengeIdOf, openChallenge, takeChallenge } from '../challenges.ts'
import { changeTold } from '../change-told.ts'
import { commit, commitOnce } from '../commit.ts'
import { requireFreshSignIn } from '../fresh-factor.ts'
import { invalidCode } from '../invalid-code.ts'
import type { Credential } from './assertion.ts'
import { CEREMONY_MS, relyingParty } from './relying-party.ts'

/** More than anybody has keys. */
const MAX_PASSKEYS = 20

/**
 * Options to make a passkey (WebAuthn §7.1): one that can be found without a name, and that knows its owner.
 *
 * @throws AppError `step_up_required` where a second factor is set up, or the sign-in is old
 */
export async function startRegistration(
  env: Env,
  principal: Principal,
  user: UserRow,
): Promise<{ challengeId: string; options: { challenge: string } & Record<string, unknown> }> {
  await requireFreshSignIn(env, principal, user)
  const now = clockOf(env).now()
  const { results } = await env.DB.prepare('SELECT id, transports FROM passkeys WHERE user_id = ?')
    .bind(user.id)
    .all<{ id: string; transports: string }>()
  const party = relyingParty(env)
  const options = await generateRegistrationOptions({
    rpName: party.name,
    rpID: party.id,
    userName: user.username,
    userDisplayName: user.displayName ?? user.username,
    // The handle tells nothing of its owner but the account's id (WebAuthn §14.6.1).
    userID: Uint8Array.from(new TextEncoder().encode(user.id)),
    timeout: CEREMONY_MS,
    attestationType: 'none',
    excludeCredentials: results.map(({ id, transports }) => ({
      id,
      transports: JSON.parse(transports) as string[],
    })),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  })
  const challengeId = randomToken()
  const kind = 'passkey-registration'
  await commit(
    env,
    openChallenge(
      env.DB,
      {
        id: await challengeIdOf(kind, challengeId),
        kind,
        userId: user.id,
        data: { challenge: options.challenge },
        expiresAt: now + CEREMONY_MS,
      },
      now,
    ),
  )
  return { challengeId, options: { ...options } }
}

/**
 * Keeps a passkey that was made for these options.
 *
 * @throws AppError `invalid_code` for another challenge, origin or host, or without the user's verification; `conflict`
 *   for one that is kept already
 */
export async function registerPasskey(
  env: Env,
  user: UserRow,
  input: { challengeId: string; credential: Credential; name: string },
  traceparent: string,
): Promise<Passkey> {
  const now = clockOf(env).now()
  const id = await challengeIdOf('passkey-registration', input.challengeId)
  const challenge = await takeChallenge<{ challenge: string }>(env.DB, id, now)
  if (challenge === undefined || challenge.userId !== user.id)
    throw invalidCode('no such challenge')
  const { credential, credentialBackedUp } = await verified(
    env,
    challenge.data.challenge,
    input.credential,
  )
  const room = {
    sql: `NOT EXISTS (SELECT 1 FROM passkeys WHERE id = ?)
          AND (SELECT count(*) FROM passkeys WHERE user_id = ?) < ${MAX_PASSKEYS}`,
    params: [credential.id, user.id],
  }
  const kept = await commitOnce(
    env,
    [...(await changeTold(env, user, 'passkey.added', now, traceparent, room))],
    env.DB.prepare(
      `INSERT INTO passkeys (id, user_id, name, public_key, counter, transports, backed_up, created_at)
       SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE ${room.sql}`,
    ).bind(
      credential.id,
      user.id,
      input.name,
      toBase64Url(credential.publicKey),
      credential.counter,
      JSON.stringify(credential.transports ?? []),
      credentialBackedUp ? 1 : 0,
      now,
      ...room.params,
    ),
  )
  if (!kept)
    throw new AppError('conflict', 'This passkey is kept already, or the account has too many')
  return {
    id: credential.id,
    name: input.name,
    backedUp: credentialBackedUp,
    createdAt: toTimestamp(now),
    lastUsedAt: null,
  }
}

type Registration = NonNullable<VerifiedRegistrationResponse['registrationInfo']>

async function verified(
  env: Env,
  challenge: string,
  credential: Credential,
): Promise<Registration> {
  const party = relyingParty(env)
  const answer = await verifyRegistrationResponse({
    response: credential as unknown as RegistrationResponseJSON,
    expectedChallenge: challenge,
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
  }).catch((error: unknown) => {
    // The library throws for whatever does not fit; all of it came from outside.
    throw invalidCode(error instanceof Error ? error.message : String(error))
  })
  if (!answer.verified) throw invalidCode('the attestation is wrong')
  return answer.registrationInfo
}
