import { Logger } from '@menagerie/core'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { renderError } from './engine-pages.ts'
import { awayMembers, isAway } from './refusals.ts'

const logger = new Logger({ service: 'accounts' })

/**
 * Answers what is no refusal: 503 where a part was away for a moment, else 500, by a page or as OAuth's members. An answer
 * that leads back to the app tells it the same there.
 */
export async function answerFailure(ctx: KoaContextWithOIDC, error: Error): Promise<void> {
  logger.error('engine', { error, requestId: ctx.get('x-request-id') })
  const away = isAway(error)
  const location = ctx.response.get('location')
  if (ctx.status === 303 && location !== '') {
    if (away)
      ctx.set('location', location.replace(/\berror=server_error\b/, `error=${awayMembers.error}`))
    return
  }
  const out = away
    ? awayMembers
    : { error: 'server_error', error_description: 'something went wrong' }
  ctx.status = away ? 503 : 500
  if (ctx.accepts('json', 'html') === 'html') await renderError(ctx, out)
  else ctx.body = out
}
