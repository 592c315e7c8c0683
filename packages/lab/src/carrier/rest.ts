import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody } from '../http.ts'
import type { Carrier } from './carrier.ts'
import { toResource } from './resource.ts'
import { readTwiml } from './twiml.ts'

export interface CarrierApiOptions {
  carrier: Carrier
  accountSid: string
  authToken: string
}

type Reply = (status: number, body: object) => true

const MAX_BODY_BYTES = 64 * 1024
/** Twilio takes no longer documents as a parameter. */
const LONGEST_TWIML = 4000
const e164 = /^\+[1-9]\d{6,14}$/

/**
 * The `Calls` resource of Twilio's API of 2010-04-01: create, fetch, list by `To` and `From`, update
 * `Status`, `Url` or `Twiml`.
 *
 * @returns a handler that says whether the request was one of the carrier's
 */
export function carrierApi({ carrier, accountSid, authToken }: CarrierApiOptions) {
  const expected = digest(`Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`)

  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const path = /^\/2010-04-01\/Accounts\/([^/]+)\/Calls(?:\/([^/]+))?\.json$/.exec(url.pathname)
    if (path === null) return false
    const reply: Reply = (status, body) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
      return true
    }
    const given = digest(request.headers.authorization ?? '')
    if (!timingSafeEqual(given, expected) || path[1] !== accountSid)
      return refuse(reply, 401, 20003, 'Authenticate')
    const sid = path[2]
    if (request.method === 'GET' && sid === undefined) return list(reply, url)
    if (request.method === 'GET' && sid !== undefined) return fetchOne(reply, sid)
    if (request.method !== 'POST') return refuse(reply, 405, 20004, 'Method not allowed')
    const body = await readBody(request, MAX_BODY_BYTES)
    if (body === undefined) return refuse(reply, 413, 20001, 'The body is too large')
    const form = new URLSearchParams(body.toString('utf8'))
    if (sid !== undefined) return update(reply, sid, form)
    return create(reply, form, request.headers['idempotency-key'])
  }

  function create(reply: Reply, form: URLSearchParams, token: string | string[] | undefined): true {
    const to = form.get('To') ?? ''
    const from = form.get('From') ?? ''
    const voiceUrl = form.get('Url')
    const twiml = form.get('Twiml')
    const timeoutSeconds = Number(form.get('Timeout') ?? 60)
    if (!e164.test(to)) return refuse(reply, 400, 21211, `The 'To' number ${to} is not valid`)
    if (!e164.test(from)) return refuse(reply, 400, 21212, `The 'From' number ${from} is not valid`)
    if (twiml === null ? !isAddress(voiceUrl) : !isTwiml(twiml))
      return refuse(reply, 400, 21205, 'Url is not valid')
    if (!(timeoutSeconds >= 1 && timeoutSeconds <= 600))
      return refuse(reply, 400, 21225, 'Timeout is not valid')
    const call = carrier.place({
      to,
      from,
      voiceUrl: twiml === null ? voiceUrl : null,
      twiml,
      statusUrl: form.get('StatusCallback'),
      statusEvents: statusEvents(form),
      timeoutSeconds,
      idempotencyToken: typeof token === 'string' ? token : null,
    })
    return reply(201, toResource(call, accountSid))
  }

  function fetchOne(reply: Reply, sid: string): true {
    const call = carrier.get(sid)
    return call === undefined ? missing(reply, sid) : reply(200, toResource(call, accountSid))
  }

  function list(reply: Reply, url: URL): true {
    const wanted = (name: string, value: string) =>
      !url.searchParams.has(name) || url.searchParams.get(name) === value
    const size = Math.min(1000, Number(url.searchParams.get('PageSize') ?? 50) || 50)
    const found = carrier
      .calls()
      .filter(
        ({ to, from, status }) =>
          wanted('To', to) && wanted('From', from) && wanted('Status', status),
      )
    return reply(200, {
      calls: found.slice(0, size).map((call) => toResource(call, accountSid)),
      page: 0,
      page_size: size,
      next_page_uri: null,
      uri: `${url.pathname}${url.search}`,
    })
  }

  function update(reply: Reply, sid: string, form: URLSearchParams): true {
    const call = carrier.get(sid)
    if (call === undefined) return missing(reply, sid)
    const [status, url, twiml] = ['Status', 'Url', 'Twiml'].map((name) => form.get(name))
    if (status === 'completed' || status === 'canceled') {
      if (!carrier.end(call, status))
        return refuse(reply, 400, 21220, 'Call is not in-progress. Cannot redirect.')
      return reply(200, toResource(call, accountSid))
    }
    if (status || (!url && !twiml))
      return refuse(reply, 400, 20001, 'Give Url, Twiml, or a Status of completed or canceled')
    if (url ? !isAddress(url) : !isTwiml(twiml ?? ''))
      return refuse(reply, 400, url ? 21205 : 12100, 'Url or Twiml is not valid')
    if (!carrier.direct(call, url ? { url } : { twiml: twiml ?? '' }))
      return refuse(reply, 400, 21220, 'Call is not in-progress. Cannot redirect.')
    return reply(200, toResource(call, accountSid))
  }
}

const isAddress = (url: string | null): boolean =>
  url !== null && /^https?:$/.test(URL.parse(url)?.protocol ?? '')

function isTwiml(text: string): boolean {
  try {
    return text.length <= LONGEST_TWIML && readTwiml(text, 'http://lab') !== undefined
  } catch {
    return false
  }
}

/** The events a customer asked for; only `completed` when it asked for none, as Twilio does. */
function statusEvents(form: URLSearchParams): string[] {
  const asked = form.getAll('StatusCallbackEvent').flatMap((value) => value.split(/\s+/))
  return asked.length === 0 ? ['completed'] : asked
}

const missing = (reply: Reply, sid: string): true =>
  refuse(reply, 404, 20404, `The requested resource Calls/${sid}.json was not found`)

const refuse = (reply: Reply, status: number, code: number, message: string): true =>
  reply(status, {
    code,
    message,
    more_info: `https://www.twilio.com/docs/errors/${code}`,
    status,
  })

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
