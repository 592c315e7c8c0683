import { SecondFactorMethod } from '@menagerie/contracts'
import { AppError, issuerOf } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../../context.ts'
import { findUser } from '../../db/users.ts'
import type { LoadedInteraction } from '../../oauth/interactions.ts'
import { passkeySignInOptions } from '../../sign-in/authenticate.ts'
import { pendingSignIn } from '../../sign-in/second-factor.ts'
import { consentPage } from '../consent.tsx'
import type { FormTarget } from '../forms.tsx'
import { pageHeaders } from '../headers.ts'
import { secondFactorPage } from '../second-factor.tsx'
import { signInPage } from '../sign-in.tsx'
import { formToken } from './form-token.ts'
import { dropPending, readPending } from './pending-cookie.ts'
import { returnPlace } from './return-place.ts'

/** What a form before left to be told. */
export interface Told {
  status: 400 | 429
  error: string
  /** Where the wait is told to browsers too. */
  retryAfterSeconds?: number | undefined
  /** Kept as typed in. */
  identifier?: string | undefined
  method?: SecondFactorMethod | undefined
}

/** The path of an interaction's pages: never what a request says. */
export const interactionPath = (c: Context<App>, uid: string): string =>
  `${new URL(issuerOf(settingsOf(c.env))).pathname}/interaction/${encodeURIComponent(uid)}`

/**
 * The page of the step an interaction is at.
 *
 * @throws AppError `invalid_request` for a step that has no page
 */
export async function showInteraction(
  c: Context<App>,
  interaction: LoadedInteraction,
  told?: Told,
): Promise<Response> {
  const { uid, redirectUri } = interaction
  const target = { action: interactionPath(c, uid), csrf: await formToken(c, uid) }
  const html = await pageOf(c, interaction, target, told)
  if (told?.retryAfterSeconds !== undefined) c.header('retry-after', String(told.retryAfterSeconds))
  return c.html(html, told?.status ?? 200, pageHeaders([redirectUri]))
}

function pageOf(
  c: Context<App>,
  interaction: LoadedInteraction,
  target: FormTarget,
  told: Told | undefined,
): Promise<string> {
  switch (interaction.prompt) {
    case 'login':
      return signInStep(c, interaction, target, told)
    case 'consent':
      return consentStep(c, interaction, target)
    default:
      throw new AppError('invalid_request', 'There is no page for what the app asks', {
        cause: interaction.prompt,
      })
  }
}

/** The second step where a first factor was shown in this browser and still stands, else the first. */
async function signInStep(
  c: Context<App>,
  { uid, clientName, params }: LoadedInteraction,
  target: FormTarget,
  told: Told | undefined,
): Promise<string> {
  const error = told?.error
  const kept = await readPending(c, uid)
  const found = kept && (await pendingSignIn(c.env, kept.mfaToken))
  if (kept === undefined || found === undefined) {
    // Over in the meantime: too many wrong codes, or too late.
    if (kept !== undefined) dropPending(c)
    const resetPath = `${new URL(issuerOf(settingsOf(c.env))).pathname}/password-reset`
    return signInPage({
      target,
      clientName,
      resetPath,
      identifier: told?.identifier ?? hintOf(params.login_hint),
      invalid: told?.identifier !== undefined,
      error,
    })
  }
  const { methods } = found.pending
  const method = chosen(methods, told?.method ?? c.req.query('method'))
  if (method === undefined)
    throw new AppError('forbidden', 'This account must show a second factor and has none set up')
  const sent = kept.sent.some((each) => each === method)
  const passkeyOptions =
    method === 'passkey'
      ? JSON.stringify(await passkeySignInOptions(c.env, { mfaToken: kept.mfaToken }))
      : undefined
  return secondFactorPage({ target, clientName, methods, method, sent, passkeyOptions, error })
}

/** Who the app thinks it is (OpenID Connect Core §3.1.2.1). */
const hintOf = (hint: unknown): string | undefined =>
  typeof hint === 'string' && hint !== '' && hint.length <= 254 ? hint : undefined

/** The one that is asked for, where the account has it. */
function chosen(methods: SecondFactorMethod[], asked: string | undefined) {
  const method = SecondFactorMethod.safeParse(asked)
  return method.success && methods.includes(method.data) ? method.data : methods[0]
}

async function consentStep(
  c: Context<App>,
  { clientName, scopes, redirectUri, session }: LoadedInteraction,
  target: FormTarget,
): Promise<string> {
  const user = session && (await findUser(c.env.DB, session.accountId))
  if (user === undefined || user.status === 'disabled')
    throw new AppError('forbidden', 'Nobody is signed in any more')
  const account =
    user.displayName === null ? user.username : `${user.displayName} · ${user.username}`
  return consentPage({
    target,
    clientName,
    returnsTo: returnPlace(redirectUri),
    account,
    scopes,
  })
}
