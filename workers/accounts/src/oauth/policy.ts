import {
  type Grant,
  interactionPolicy,
  type KoaContextWithOIDC,
  type Provider,
} from 'oidc-provider'
import type { Env } from '../context.ts'
import { hasLivingSessions } from './browser-session.ts'
import { findClient } from './clients.ts'
import { notes } from './request-notes.ts'
import { ownMs } from './verify-token.ts'

/**
 * When a page is shown: sign-in also where a browser's session was overtaken by what happened to the account, and consent
 * at every authorization of a client that is not our own (RFC 9700 §4.11).
 */
export function pagePolicyOf(env: Env) {
  const { Check, base } = interactionPolicy
  const policy = base()
  policy
    .get('login')
    ?.checks.add(
      new Check(
        'overtaken_session',
        'the account changed since the sign-in',
        'login_required',
        async ({ oidc }) =>
          oidc.session?.accountId !== undefined &&
          oidc.result?.login === undefined &&
          (await isOvertaken(env, oidc.session)),
      ),
    )
  // Ours replaces it: a native app of our own asks nothing.
  policy.get('consent')?.checks.remove('native_client_prompt')
  policy
    .get('consent')
    ?.checks.add(
      new Check(
        'third_party',
        'the user must agree',
        'consent_required',
        async ({ oidc }) =>
          oidc.result?.consent === undefined &&
          (await findClient(env, oidc.client?.clientId ?? ''))?.firstParty !== true,
      ),
    )
  return policy
}

/** Disabled or gone, another password, or every session that was opened in this browser has been ended. */
async function isOvertaken(
  env: Env,
  session: NonNullable<KoaContextWithOIDC['oidc']['session']>,
): Promise<boolean> {
  const { user } = notes()
  if (user === undefined || user.id !== session.accountId) return true
  const signedInAt = ownMs(env, (session.loginTs ?? 0) + 1)
  if (user.passwordChangedAt !== null && signedInAt < user.passwordChangedAt) return true
  return !(await hasLivingSessions(env, session.uid, user.id))
}

/**
 * The grant of an authorization: the one the user agreed to a moment ago, or for a client of our own a fresh one. None is
 * used again, since a grant is a session.
 */
export const loadGrant =
  (env: Env, provider: () => Provider) =>
  async ({ oidc }: KoaContextWithOIDC): Promise<Grant | undefined> => {
    const { result, client, session } = oidc
    const agreed = result?.consent?.grantId
    if (agreed !== undefined) return provider().Grant.find(agreed)
    if (client === undefined || session?.accountId === undefined) return undefined
    if ((await findClient(env, client.clientId))?.firstParty !== true) return undefined
    const { Grant: Model } = provider()
    const grant = new Model({ clientId: client.clientId, accountId: session.accountId })
    grant.addOIDCScope(oidc.requestParamOIDCScopes)
    await grant.save()
    return grant
  }
