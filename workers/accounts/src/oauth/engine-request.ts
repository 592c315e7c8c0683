import { type CommonSettings, issuerOf } from '@menagerie/core'
import { markToken } from './verify-token.ts'

/** What a proxy may have said about where a request came to: the engine would make addresses of it. */
const untrusted =
  /^(x-forwarded-.*|forwarded|x-original-.*|x-rewrite-.*|host|origin|transfer-encoding|content-length|traceparent|x-request-id)$/

/**
 * A request as the engine may believe it: of our own origin whatever its `Host` says, without what proxies add, and with
 * the length its body has.
 *
 * @param given.marksToken whether the form's `token` is hidden from the engine's look at JWTs
 * @param given.readsJson whether a program asks: some send what browsers accept, and none reads a page
 */
export async function engineRequest(
  settings: Pick<CommonSettings, 'PUBLIC_URL' | 'REALM'>,
  request: Request,
  given: { traceparent: string; requestId: string; marksToken: boolean; readsJson: boolean },
): Promise<Request> {
  const { pathname, search } = new URL(request.url)
  const own = new URL(issuerOf(settings))
  const headers = new Headers()
  for (const [name, value] of request.headers) if (!untrusted.test(name)) headers.set(name, value)
  headers.set('host', own.host)
  if (given.readsJson) headers.set('accept', 'application/json')
  headers.set('traceparent', given.traceparent)
  headers.set('x-request-id', given.requestId)
  const text = request.method === 'POST' ? await formOf(request) : undefined
  const body = text === undefined || !given.marksToken ? text : withMarkedToken(text)
  if (body !== undefined)
    headers.set('content-length', String(new TextEncoder().encode(body).byteLength))
  return new Request(own.origin + pathname + search, {
    method: request.method,
    headers,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  })
}

/** Nothing but the one parameter changes: what else is wrong with a form the engine must see. */
function withMarkedToken(form: string): string {
  const fields = new URLSearchParams(form)
  if (fields.getAll('token').length !== 1) return form
  fields.set('token', markToken(fields.get('token') ?? ''))
  return fields.toString()
}

/** The text of a form; the platform warns of a body that is read as text and does not say that it is. */
export const formOf = async (request: Request): Promise<string> =>
  new TextDecoder().decode(await request.arrayBuffer())
