import { clockOf, fromBase64Url, randomToken } from '@menagerie/core'
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  verifyAuthenticationResponse,
} from '@simplewebauthn/server'
import type { Env } from '../../context.ts'
import { challengeIdOf, openChallenge, takeChallenge } from '../challenges.ts'
import { commit } from '../commit.ts'
import { CEREMONY_MS, relyingParty } from './relying-party.ts'

/** What a browser answered, not looked at yet. */
export type Credential = { id: string } & Record<string, unknown>

interface PasskeyRow {
  id: string
  user_id: string
  public_key: string
  counter: number
}

/**
 * Options to show a passkey (WebAuthn §7.2), with a challenge that is good for one answer.
 *
 * @param userId whose passkeys to ask for; without it the browser offers what it has for this host, so that nobody can
 *   ask which names have passkeys
 */
export async function assertionOptions(
  env: Env,
  userId: string | null,
): Promise<{ challengeId: string; options: { challenge: string } & Record<string, unknown> }> {
  const now = clockOf(env).now()
  const rows =
    userId === null
      ? []
      : (
          await env.DB.prepare('SELECT id, transports FROM passkeys WHERE user_id = ?')
            .bind(userId)
            .all<{ id: string; transports: string }>()
        ).results
  const options = await generateAuthenticationOptions({
    rpID: relyingParty(env).id,
    userVerification: 'required',
    timeout: CEREMONY_MS,
    allowCredentials: rows.map(({ id, transports }) => ({
      id,
      transports: JSON.parse(transports) as string[],
    })),
  })
  const challengeId = randomToken()
  const kind = 'passkey-sign-in'
  await commit(
    env,
    openChallenge(
      env.DB,
      {
        id: await challengeIdOf(kind, challengeId),
        kind,
        userId,
        data: { challenge: options.challenge },
        expiresAt: now + CEREMONY_MS,
      },
      now,
    ),
  )
  return { challengeId, options: { ...options } }
}

/**
 * Checks the signature of a passkey. The challenge is spent by the answer, right or wrong, and the counter is kept by a
 * guarded write: what a copied key signed is refused (WebAuthn §6.1.1).
 *
 * @param userId whose passkey it must be; `null` to take anybody's
 * @returns whose it is; a text says why it is nobody's
 */
export async function checkAssertion(
  env: Env,
  { challengeId, credential }: { challengeId: string; credential: Credential },
  userId: string | null,
): Promise<{ ok: true; userId: string } | { ok: false; error: string }> {
  const now = clockOf(env).now()
  const id = await challengeIdOf('passkey-sign-in', challengeId)
  const challenge = await takeChallenge<{ challenge: string }>(env.DB, id, now)
  if (challenge === undefined) return { ok: false, error: 'no such challenge' }
  const passkey = await env.DB.prepare(
    'SELECT id, user_id, public_key, counter FROM passkeys WHERE id = ?',
  )
    .bind(credential.id)
    .first<PasskeyRow>()
  if (passkey === null) return { ok: false, error: 'no such passkey' }
  const owners = [userId, challenge.userId].filter((owner) => owner !== null)
  if (owners.some((owner) => owner !== passkey.user_id))
    return { ok: false, error: "somebody else's passkey" }
  const counter = await signedCounter(env, passkey, challenge.data.challenge, credential)
  if (!counter.ok) return counter
  // Authenticators without a counter tell 0 for ever.
  const { meta } = await env.DB.prepare(
    `UPDATE passkeys SET counter = ?1, last_used_at = ?2
     WHERE id = ?3 AND (counter < ?1 OR (counter = 0 AND ?1 = 0))`,
  )
    .bind(counter.value, now, passkey.id)
    .run()
  return meta.changes === 1
    ? { ok: true, userId: passkey.user_id }
    : { ok: false, error: 'the counter has been there' }
}

async function signedCounter(
  env: Env,
  passkey: PasskeyRow,
  challenge: string,
  credential: Credential,
): Promise<{ ok: true; value: number } | { ok: false; error: string }> {
  const party = relyingParty(env)
  const response = credential as unknown as AuthenticationResponseJSON
  const handle = response.response.userHandle
  try {
    if (handle !== undefined && handle !== null && !ownerIs(handle, passkey.user_id))
      return { ok: false, error: 'the user handle is another' }
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: party.origin,
      expectedRPID: party.id,
      requireUserVerification: true,
      credential: {
        id: passkey.id,
        publicKey: fromBase64Url(passkey.public_key),
        counter: passkey.counter,
      },
    })
    return verified
      ? { ok: true, value: authenticationInfo.newCounter }
      : { ok: false, error: 'the signature is wrong' }
  } catch (error) {
    // The library throws for whatever does not fit; all of it came from outside.
    return { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
}

const ownerIs = (handle: string, userId: string): boolean =>
  new TextDecoder().decode(fromBase64Url(handle)) === userId
