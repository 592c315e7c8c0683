import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { pageHeaders, pagePolicy } from '../pages/index.ts'
import { answerFailure } from './failures.ts'
import { notesOf } from './request-notes.ts'
import { isClientToken, unmarkToken } from './verify-token.ts'

type Members = Record<string, unknown>

/** Runs around the engine, and says in its answers what the standards and Keycloak's adapters expect beside. */
export async function completeAnswer(
  ctx: KoaContextWithOIDC,
  next: () => Promise<unknown>,
): Promise<void> {
  ctx.cookies.secure = true
  const known = notesOf(ctx)
  try {
    await next()
  } catch (error) {
    // Behind the engine's own handling: its session could not be kept.
    known.failure ??= error instanceof Error ? error : new Error(String(error))
  }
  if (known.failure !== undefined) await answerFailure(ctx, known.failure)
  if (ctx.status === 503) ctx.set('retry-after', '1')
  // The gateway says which other origins may read.
  for (const name of Object.keys(ctx.response.headers))
    if (name.startsWith('access-control-')) ctx.remove(name)
  const { oidc } = ctx
  if (oidc?.route === undefined) return
  if (ctx.response.type === 'text/html') ctx.set(headersOf(ctx))
  if (oidc.route === 'discovery') ctx.set('cache-control', 'public, max-age=300')
  if (oidc.route === 'introspection' && oidc.client?.clientSecret === undefined) refusePublic(ctx)
  const body = membersOf(ctx.body)
  if (body === undefined) return
  if (body.error !== undefined) return completeError(ctx, body)
  if (oidc.route === 'token') completeTokens(ctx, body)
  if (oidc.route === 'introspection' && body.active === true) await completeIntrospection(ctx, body)
}

/** The page's own headers; the engine's pages that send themselves get the hash of their script. */
function headersOf(ctx: KoaContextWithOIDC): Record<string, string> {
  const { oidc } = ctx
  const { Interaction } = oidc.entities
  const targets = [
    oidc.redirectUriCheckPerformed === true ? oidc.params?.redirect_uri : undefined,
    Interaction?.params.redirect_uri,
    oidc.params?.post_logout_redirect_uri,
    oidc.session?.state?.postLogoutRedirectUri,
  ].filter((target) => typeof target === 'string')
  const script = /<script>([\s\S]*?)<\/script>/.exec(String(ctx.body))?.[1]
  const headers = pageHeaders(targets)
  if (script === undefined) return headers
  const hash = createHash('sha256').update(script).digest('base64')
  const policy = pagePolicy(targets).replace("script-src 'self'", `script-src 'sha256-${hash}'`)
  return { ...headers, 'content-security-policy': policy }
}

/** Whoever may ask about tokens must show who they are (RFC 7662 §2.1): a public client cannot. */
function refusePublic(ctx: KoaContextWithOIDC): void {
  if (ctx.status !== 200) return
  ctx.status = 401
  ctx.body = { error: 'invalid_client', error_description: 'client authentication failed' }
}

function completeError(ctx: KoaContextWithOIDC, body: Members): void {
  const { client, params, route } = ctx.oidc
  const grantType = params?.grant_type
  // RFC 6749 §5.2 has a code of its own for it.
  if (
    route === 'token' &&
    body.error === 'invalid_request' &&
    client !== undefined &&
    typeof grantType === 'string' &&
    grants.has(grantType) &&
    !client.grantTypeAllowed(grantType)
  )
    body.error = 'unauthorized_client'
  // A verifier that cannot be one is a wrong one (RFC 7636 §4.6).
  const verifier = params?.code_verifier
  if (route === 'token' && typeof verifier === 'string' && !/^[\w.~-]{43,128}$/.test(verifier))
    Object.assign(body, { error: 'invalid_grant', error_description: 'grant request is invalid' })
  if (
    ctx.status === 401 &&
    body.error === 'invalid_client' &&
    !ctx.response.get('www-authenticate')
  )
    ctx.set('www-authenticate', 'Basic realm="menagerie", charset="UTF-8"')
}

const grants = new Set([
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
])

/** Members that Keycloak's token endpoint answers, too. */
function completeTokens(ctx: KoaContextWithOIDC, body: Members): void {
  const { session } = notesOf(ctx)
  if (session === undefined) return
  body.session_state = session.sid
  if (body.refresh_token !== undefined)
    body.refresh_expires_in =
      Math.floor(session.expiresAt / 1000) - Math.floor(session.grantedAt / 1000)
}

/** What Keycloak's introspection tells of an access token (RFC 7662 §2.2 allows more members). */
async function completeIntrospection(ctx: KoaContextWithOIDC, body: Members): Promise<void> {
  const { verified } = notesOf(ctx)
  const claims = await verified.get(unmarkToken(String(ctx.oidc.params?.token)))
  if (claims === undefined) return
  const { azp, sub, sid, acr, preferred_username, resource_access, permissions } = claims
  Object.assign(body, { azp, sub, sid, acr, resource_access, permissions, typ: 'Bearer' })
  Object.assign(body, { username: preferred_username, preferred_username })
  if (isClientToken(claims)) body.client_id = azp
}

const membersOf = (body: unknown): Members | undefined =>
  typeof body === 'object' && body !== null && Object.getPrototypeOf(body) === Object.prototype
    ? (body as Members)
    : undefined
