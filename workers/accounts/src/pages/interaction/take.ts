import { AppError } from '@menagerie/core'
import type { Context } from 'hono'
import type { App } from '../../context.ts'
import { startCode } from '../../credentials/start-code.ts'
import { addressOf } from '../../guard/login-guard.ts'
import { type Identifier, identifierOf } from '../../identifiers.ts'
import {
  abort,
  finishConsent,
  finishLogin,
  type LoadedInteraction,
} from '../../oauth/interactions.ts'
import {
  checkPasswordSignIn,
  verifyPasskeySignIn,
  verifySecondFactor,
} from '../../sign-in/authenticate.ts'
import type { FormOf, InteractionForm } from './interaction-form.ts'
import { dropPending, keepPending, readPending } from './pending-cookie.ts'
import { interactionPath } from './show.ts'

/**
 * Takes one step of an interaction.
 *
 * @returns where the browser goes next: a page of ours, or what the engine says; never what the request names (S43)
 * @throws AppError for what a page tells (see problem-words.ts)
 */
export async function takeStep(
  c: Context<App>,
  interaction: LoadedInteraction,
  form: InteractionForm,
): Promise<string> {
  const { uid, prompt } = interaction
  const here = interactionPath(c, uid)
  // A page that was left open from a step before: the one that is due is shown.
  if (form.step !== 'cancel' && stepsOf[form.step] !== prompt) return here
  switch (form.step) {
    case 'password':
      return password(c, uid, form)
    case 'passkey':
      return passkey(c, uid, form)
    case 'second-factor':
      return secondFactor(c, uid, form)
    case 'send':
      return send(c, uid, form)
    case 'restart':
      dropPending(c)
      return here
    case 'allow':
      return finishConsent(c.env, uid, c.get('trace'))
    case 'deny':
    case 'cancel':
      dropPending(c)
      return abort(c.env, uid)
  }
}

/** Which prompt of the engine each step belongs to. */
const stepsOf = {
  password: 'login',
  passkey: 'login',
  'second-factor': 'login',
  send: 'login',
  restart: 'login',
  allow: 'consent',
  deny: 'consent',
} as const

async function password(c: Context<App>, uid: string, form: FormOf<'password'>): Promise<string> {
  const identifier = identifierOfText(form.identifier)
  const input = {
    identifier,
    password: form.password,
    address: addressOf(c),
    trace: c.get('trace'),
  }
  const result = await checkPasswordSignIn(c.env, input)
  switch (result.status) {
    case 'refused':
      throw new AppError('invalid_credentials', 'The name or the password is wrong')
    case 'second_factor':
      await keepPending(c, uid, { mfaToken: result.mfaToken, sent: [] })
      return interactionPath(c, uid)
    case 'authenticated':
      return finish(c, uid, result)
  }
}

async function passkey(c: Context<App>, uid: string, form: FormOf<'passkey'>): Promise<string> {
  const { challengeId, credential } = form
  const proof = { challengeId, credential, address: addressOf(c), trace: c.get('trace') }
  return finish(c, uid, await verifyPasskeySignIn(c.env, proof))
}

async function secondFactor(
  c: Context<App>,
  uid: string,
  { step: _step, csrf: _csrf, ...proof }: FormOf<'second-factor'>,
): Promise<string> {
  const pending = await readPending(c, uid)
  if (pending === undefined) throw tooLate()
  const { mfaToken } = pending
  const input = { ...proof, mfaToken, address: addressOf(c), trace: c.get('trace') }
  return finish(c, uid, await verifySecondFactor(c.env, input))
}

async function send(c: Context<App>, uid: string, form: FormOf<'send'>): Promise<string> {
  const pending = await readPending(c, uid)
  if (pending === undefined) throw tooLate()
  const { mfaToken, sent } = pending
  const channel = form.method
  await startCode(
    c.env,
    { purpose: 'second-factor', mfaToken, channel },
    nobody,
    addressOf(c),
    c.get('trace'),
  )
  await keepPending(c, uid, { mfaToken, sent: [...new Set([...sent, channel])] })
  return `${interactionPath(c, uid)}?method=${channel}`
}

async function finish(
  c: Context<App>,
  uid: string,
  { user, methods }: Awaited<ReturnType<typeof verifyPasskeySignIn>>,
): Promise<string> {
  dropPending(c)
  c.get('line').count('sign_ins_total', { result: 'success' })
  return finishLogin(c.env, uid, { accountId: user.id, methods })
}

/** What somebody typed in: a number with its country code, an address, or a plain name. */
function identifierOfText(text: string): Identifier {
  if (text.includes('@')) return identifierOf({ email: text })
  return text.startsWith('+')
    ? identifierOf({ phoneNumber: text })
    : identifierOf({ username: text })
}

const tooLate = (): AppError => new AppError('invalid_code', 'The first step was too long ago')

/** The page has no token to show, and the code of a second factor asks for none. */
const nobody = (): Promise<never> =>
  Promise.reject(new AppError('unauthorized', 'Send an access token'))
