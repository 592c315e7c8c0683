import {
  type Grant,
  interactionPolicy,
  type KoaContextWithOIDC,
  type Provider,
} from 'oidc-provider'
import type { Env } from '../context.ts'
import { findClient } from './clients.ts'
import { isSignInOvertaken } from './overtaken.ts'

/**
 * When a page is shown: sign-in also where a browser's session was overtaken by what happened to the account, and consent
 * at every authorization of a client that is not our own (RFC 9700 §4.11), or might not be.
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
        ({ oidc }) => isSignInOvertaken(env, oidc),
      ),
    )
  // Ours replaces it.
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
          (anyAppMayAnswer(oidc) ||
            (await findClient(env, oidc.client?.clientId ?? ''))?.firstParty !== true),
      ),
    )
  return policy
}

/**
 * An address that any app on a device can take: who answers there may not be ours, so its user must have done something
 * for the code it gets (RFC 8252 §8.6).
 */
const anyAppMayAnswer = ({ params, result }: KoaContextWithOIDC['oidc']): boolean =>
  typeof params?.redirect_uri === 'string' &&
  !params.redirect_uri.startsWith('https:') &&
  result?.login === undefined

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
