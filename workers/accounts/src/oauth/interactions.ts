import type { AuthenticationMethod } from '@menagerie/contracts'
import { AppError, clockOf, type Trace, toTraceparent } from '@menagerie/core'
import type { Interaction, InteractionResults } from 'oidc-provider'
import { auditStatements } from '../audit.ts'
import type { Env } from '../context.ts'
import { wakeSweeper } from '../outbox.ts'
import { acrOf } from '../sessions/acr-of.ts'
import { EngineAdapter } from './adapter.ts'
import { findClient } from './clients.ts'
import { providerFor } from './engine.ts'

/** What a hosted page must know of the authorization it stands in. */
export interface LoadedInteraction {
  uid: string
  /** `login` or `consent`. */
  prompt: string
  /** Why the page is shown, such as `login_prompt`. */
  reasons: string[]
  /** The client's parameters, as they were checked. */
  params: Record<string, string | undefined>
  clientId: string
  clientName: string
  /** What the client asks for and may have. */
  scopes: string[]
  /** Who is signed in in this browser. */
  session: { accountId: string } | undefined
  /** Where the client's answer goes in the end; checked. A device's page has none. */
  redirectUri: string | undefined
}

/**
 * The authorization a page belongs to.
 *
 * @returns `undefined` when it is over, or never was
 */
export async function loadInteraction(
  env: Env,
  uid: string,
): Promise<LoadedInteraction | undefined> {
  const interaction = await find(env, uid)
  if (interaction === undefined) return undefined
  const { params, prompt, session } = interaction
  const client = await findClient(env, String(params.client_id))
  if (client === undefined) return undefined
  return {
    uid,
    prompt: prompt.name,
    reasons: prompt.reasons,
    params: textsOf(params),
    clientId: client.id,
    clientName: client.name,
    scopes: scopesOf(interaction, client.scopes),
    session: session === undefined ? undefined : { accountId: session.accountId },
    redirectUri: textsOf(params).redirect_uri,
  }
}

/**
 * The user has shown who they are.
 *
 * @returns where to send the browser, by 303
 * @throws AppError `not_found` when the authorization is over, or waits for something else
 */
export async function finishLogin(
  env: Env,
  uid: string,
  { accountId, methods }: { accountId: string; methods: AuthenticationMethod[] },
): Promise<string> {
  const interaction = await waiting(env, uid, 'login')
  return finish(interaction, {
    ...interaction.lastSubmission,
    login: {
      accountId,
      acr: acrOf(methods),
      amr: methods,
      remember: true,
      // Now, not when the browser goes on: what happens to the account in between must count.
      ts: Math.floor(Date.now() / 1000),
    },
  })
}

/**
 * The user who is signed in has agreed to what the client asks for.
 *
 * @returns where to send the browser, by 303
 * @throws AppError `not_found` as above
 */
export async function finishConsent(env: Env, uid: string, trace?: Trace): Promise<string> {
  const interaction = await waiting(env, uid, 'consent')
  const accountId = interaction.session?.accountId
  const clientId = String(interaction.params.client_id)
  const client = await findClient(env, clientId)
  if (accountId === undefined || client === undefined) throw over()
  // A form sent twice is one consent, also at the same moment.
  if (!(await new EngineAdapter(env, 'Interaction').consumeOnce(uid))) return interaction.returnTo
  const scopes = scopesOf(interaction, client.scopes)
  const { Grant } = await providerFor(env)
  const grant = new Grant({ accountId, clientId })
  grant.addOIDCScope(scopes)
  const grantId = await grant.save()
  const entry = {
    action: 'consent.granted',
    actor: { kind: 'user', id: accountId },
    target: { kind: 'client', id: clientId },
    detail: { scopes },
  } as const
  const traceparent = trace && toTraceparent(trace)
  await env.DB.batch(auditStatements(env.DB, entry, clockOf(env).now(), traceparent))
  await wakeSweeper(env)
  return finish(interaction, { ...interaction.lastSubmission, consent: { grantId } })
}

/**
 * The user does not want to: the client gets `access_denied`.
 *
 * @throws AppError `not_found` when the authorization is over
 */
export async function abort(env: Env, uid: string): Promise<string> {
  const interaction = await find(env, uid)
  if (interaction === undefined) throw over()
  return finish(interaction, {
    error: 'access_denied',
    error_description: 'The user did not agree',
  })
}

async function find(env: Env, uid: string): Promise<Interaction | undefined> {
  const { Interaction: Model } = await providerFor(env)
  return Model.find(uid)
}

async function waiting(env: Env, uid: string, prompt: string): Promise<Interaction> {
  const interaction = await find(env, uid)
  if (interaction?.prompt.name !== prompt) throw over()
  return interaction
}

/** The resume address checks its own signed cookie, so only the browser that began goes on. */
async function finish(interaction: Interaction, result: InteractionResults): Promise<string> {
  interaction.result = result
  await interaction.persist()
  return interaction.returnTo
}

function scopesOf(interaction: Interaction, allowed: readonly string[]): string[] {
  const asked = String(interaction.params.scope ?? '').split(' ')
  return [...new Set(asked)].filter((scope) => allowed.includes(scope))
}

const textsOf = (params: Record<string, unknown>): Record<string, string | undefined> =>
  Object.fromEntries(
    Object.entries(params).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  )

const over = () => new AppError('not_found', 'This page is too old; go back to the app')
