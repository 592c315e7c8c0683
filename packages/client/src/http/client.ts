import { readApiError } from './api-error.ts'
import { requestUrl } from './request-url.ts'
import type { Answer, CallArguments, CallableRoute, CallSettings } from './route-types.ts'
import { type TokenInput, tokenSource } from './token-source.ts'

export interface ClientOptions {
  /** Where the gateway answers, such as `https://api.example.com`; a path in it is kept. */
  baseUrl: string
  token?: TokenInput
  fetch?: typeof globalThis.fetch
}

export interface Client {
  /**
   * Calls a declared route.
   *
   * @returns the body of a 2xx answer as its schema types it: the envelope `{data, meta}`, a text, or `undefined`
   * @throws ApiError for any other answer; what `fetch` throws when there was none
   * @example
   * const { data } = await client.call(calls.start, { body: { to: '+12025550101' }, idempotencyKey })
   */
  call<R extends CallableRoute>(route: R, ...input: CallArguments<R>): Promise<Answer<R>>
}

interface LooseInput extends CallSettings {
  params?: Record<string, unknown>
  query?: Record<string, unknown>
  body?: unknown
}

/** A typed HTTP client over the routes of `@menagerie/contracts/routes`. */
export function createClient(options: ClientOptions): Client {
  const send = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
  const source = tokenSource(options.token)

  async function once(route: CallableRoute, input: LooseInput, token: string | undefined) {
    const headers = new Headers({ accept: 'application/json, */*;q=0.5' })
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    if (input.idempotencyKey !== undefined) headers.set('idempotency-key', input.idempotencyKey)
    if (input.body !== undefined) headers.set('content-type', 'application/json')
    return send(requestUrl(options.baseUrl, route.path, input.params, input.query), {
      method: route.method.toUpperCase(),
      headers,
      ...(input.body === undefined ? {} : { body: JSON.stringify(input.body) }),
      ...(input.signal === undefined ? {} : { signal: input.signal }),
    })
  }

  return {
    async call<R extends CallableRoute>(route: R, ...[given]: CallArguments<R>) {
      const input: LooseInput = given ?? {}
      const token = takesToken(route) ? await source.token() : undefined
      const response = await once(route, input, token)
      if (response.ok) return (await readBody(response)) as Answer<R>
      const error = await readApiError(response, route.path, Date.now())
      // A refused token is refused before anything happens, so the repeat cannot do a thing twice.
      if (token === undefined || error.code !== 'unauthorized') throw error
      const renewed = await source.renew?.(token)
      if (renewed === undefined || renewed === token) throw error
      const second = await once(route, input, renewed)
      if (second.ok) return (await readBody(second)) as Answer<R>
      throw await readApiError(second, route.path, Date.now())
    },
  }
}

/** A token goes only where one is asked for: signing in must not depend on an old one. */
function takesToken(route: CallableRoute): boolean {
  switch (route.policy.access) {
    case 'bearer':
    case 'socket':
    case 'scrape':
      return true
    case 'public':
    case 'signature':
    case 'broker':
      return false
  }
}

async function readBody(response: Response): Promise<unknown> {
  if (response.status === 204) return undefined
  const type = response.headers.get('content-type') ?? ''
  return /^application\/(json|[\w.+-]+\+json)\b/i.test(type) ? response.json() : response.text()
}
