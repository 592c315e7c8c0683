import type { OpenAPIHono } from '@hono/zod-openapi'
import { oidc as routes } from '@menagerie/contracts/routes'
import { AppError, toAppError } from '@menagerie/core'
import type { Context } from 'hono'
import { type App, settingsOf } from '../context.ts'
import { loadInteraction } from '../oauth/interactions.ts'
import { isAway } from '../oauth/refusals.ts'
import { errorPage, pageHeaders, passwordResetPage } from '../pages/index.ts'
import { sentByOurPage } from '../pages/interaction/browser-check.ts'
import { isFormToken } from '../pages/interaction/form-token.ts'
import { InteractionForm } from '../pages/interaction/interaction-form.ts'
import { problemWords } from '../pages/interaction/problem-words.ts'
import { showInteraction } from '../pages/interaction/show.ts'
import { startedHere } from '../pages/interaction/started-here.ts'
import { takeStep } from '../pages/interaction/take.ts'

/** Adds the hosted pages of sign-in and consent, and that of a forgotten password. */
export function pageRoutes(app: OpenAPIHono<App>): void {
  app.get(routes.interaction.getRoutingPath(), (c) =>
    inPages(c, async () => showInteraction(c, await loaded(c))),
  )
  app.post(routes.interactionPost.getRoutingPath(), (c) => inPages(c, () => take(c)))
  app.get(routes.passwordReset.getRoutingPath(), (c) => {
    requireRealm(c)
    const settings = settingsOf(c.env)
    const html = passwordResetPage({
      minLength: Number(settings.PASSWORD_MIN_LENGTH),
      minLengthWithSecondFactor: Number(settings.PASSWORD_MIN_LENGTH_WITH_SECOND_FACTOR),
    })
    return c.html(html, 200, pageHeaders())
  })
}

/** A form of an interaction: what it leads to by 303, so that a repeat of the page sends nothing twice (S40), or the page again. */
async function take(c: Context<App>): Promise<Response> {
  const form = await readForm(c)
  const interaction = await loaded(c)
  try {
    const next = await takeStep(c, interaction, form)
    c.header('cross-origin-opener-policy', pageHeaders()['cross-origin-opener-policy'])
    return c.redirect(next, 303)
  } catch (error) {
    const refusal = error instanceof AppError ? error : undefined
    const words = refusal && problemWords(refusal)
    if (refusal === undefined || words === undefined) throw error
    c.get('line').add({ errorCode: refusal.code, reason: refusal.message })
    if (form.step === 'password' || form.step === 'passkey' || form.step === 'second-factor')
      c.get('line').count('sign_ins_total', { result: refusal.code })
    return showInteraction(c, interaction, {
      status: words.status,
      error: words.text,
      retryAfterSeconds: refusal.options.retryAfterSeconds,
      ...('identifier' in form ? { identifier: form.identifier } : {}),
      ...('method' in form ? { method: form.method } : {}),
    })
  }
}

/** @throws AppError `forbidden` for what no page of ours sent to this browser (S28), `invalid_request` for no form of ours */
async function readForm(c: Context<App>): Promise<InteractionForm> {
  const headers = {
    contentType: c.req.header('content-type'),
    origin: c.req.header('origin'),
    fetchSite: c.req.header('sec-fetch-site'),
  }
  const sent = sentByOurPage(headers, new URL(settingsOf(c.env).PUBLIC_URL).origin)
  if (!sent.ok) throw foreign(sent.error)
  // Repeated names are nobody's form: the last one would count here, and the first one elsewhere.
  const fields = new URLSearchParams(new TextDecoder().decode(await c.req.arrayBuffer()))
  const form = InteractionForm.safeParse(Object.fromEntries(fields))
  if (!(await isFormToken(c, uidOf(c), fields.get('csrf') ?? ''))) throw foreign('csrf')
  if (!form.success || new Set(fields.keys()).size !== fields.size)
    throw new AppError('invalid_request', 'The form is not complete')
  return form.data
}

const foreign = (cause: string): AppError =>
  new AppError(
    'forbidden',
    'This form was not sent by its own page, or this browser keeps no cookies for it.',
    { cause },
  )

/** @throws AppError `invalid_request` for what is over, or another browser's */
async function loaded(c: Context<App>) {
  const uid = uidOf(c)
  const interaction = startedHere(c, uid) ? await loadInteraction(c.env, uid) : undefined
  if (interaction === undefined)
    throw new AppError(
      'invalid_request',
      'It was finished, took too long, or was begun in another browser.',
    )
  return interaction
}

const uidOf = (c: Context<App>): string => c.req.param('uid') ?? ''

function requireRealm(c: Context<App>): void {
  if (c.req.param('realm') !== settingsOf(c.env).REALM)
    throw new AppError('not_found', 'There is no such realm')
}

/** What is away for a moment is told so here as well. */
const asAppError = (error: Error): AppError =>
  isAway(error) && !(error instanceof AppError)
    ? new AppError('unavailable', 'A part of the service is away; try again in a moment', {
        retryAfterSeconds: 1,
        cause: error,
      })
    : toAppError(error)

/** Who looks at a page is told by one, whatever goes wrong; the log has what it has for every other route. */
async function inPages(c: Context<App>, work: () => Promise<Response>): Promise<Response> {
  requireRealm(c)
  try {
    return await work()
  } catch (thrown) {
    const error = asAppError(thrown instanceof Error ? thrown : new Error(String(thrown)))
    const { code, message, status, options } = error
    const line = c.get('line').add({ errorCode: code, reason: message })
    if (status >= 500) line.raise('error').add({ error })
    else if (options.cause !== undefined) line.add({ cause: options.cause })
    const html = errorPage({
      title: status >= 500 ? 'Something went wrong' : 'This sign-in cannot go on',
      detail: message,
      requestId: c.get('requestId'),
    })
    const { retryAfterSeconds } = options
    if (retryAfterSeconds !== undefined) c.header('retry-after', String(retryAfterSeconds))
    return c.html(html, status as 400, pageHeaders())
  }
}
