import type { IncomingMessage, ServerResponse } from 'node:http'
import { PhoneNumber } from '@menagerie/contracts'
import { z } from 'zod'
import { headerOf, parseObject, readBody, sendJson } from '../http.ts'
import type { Carrier } from './carrier.ts'
import { toShown } from './shown.ts'
import { FaultSettings } from './webhook-faults.ts'

const MAX_BODY_BYTES = 16 * 1024
const isForm = (request: IncomingMessage): boolean =>
  headerOf(request, 'content-type')?.startsWith('application/x-www-form-urlencoded') ?? false

const HttpUrl = z.url({ protocol: /^https?$/ })
/** A person who calls: a number, or the word that stands for who shows none. */
const Inbound = z.strictObject({
  from: z.union([PhoneNumber, z.literal('anonymous')]),
  to: PhoneNumber,
  hangUpAfterMs: z.coerce.number().int().min(0).max(86_400_000).optional(),
  /** Where the called number's owner is asked; the gateway's webhook unless given. */
  voiceUrl: HttpUrl.optional(),
  statusUrl: HttpUrl.optional(),
})

export interface OwnApiOptions {
  carrier: Carrier
  gatewayUrl: string
}

/**
 * What no real carrier offers: people who call or put the phone down on demand, and bad lines.
 *
 * @returns a handler that says whether the request was one of these
 */
export function ownCarrierApi({ carrier, gatewayUrl }: OwnApiOptions) {
  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    const { pathname } = url
    const hangup = /^\/carrier\/calls\/(\w+)\/hangup$/.exec(pathname)
    if (pathname === '/carrier/inbound' && request.method === 'POST')
      await inbound(request, response)
    else if (hangup !== null && request.method === 'POST')
      putDown(request, response, hangup[1] ?? '')
    else if (pathname === '/carrier/faults' && request.method === 'GET')
      sendJson(response, 200, carrier.faults)
    else if (pathname === '/carrier/faults' && request.method === 'PUT')
      await dial(request, response)
    else return false
    return true
  }

  async function inbound(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wanted = Inbound.safeParse(await fieldsOf(request))
    if (!wanted.success) {
      refuse(response, wanted.error)
      return
    }
    const { from, to, hangUpAfterMs = null } = wanted.data
    const webhooks = `${gatewayUrl.replace(/\/$/, '')}/webhooks/twilio`
    const { voiceUrl = `${webhooks}/voice`, statusUrl = `${webhooks}/voice-status` } = wanted.data
    const call = carrier.receive({ from, to, voiceUrl, statusUrl, hangUpAfterMs })
    done(request, response, 201, toShown(call))
  }

  function putDown(request: IncomingMessage, response: ServerResponse, sid: string): void {
    const call = carrier.get(sid)
    if (call === undefined)
      sendJson(response, 404, { status: 404, message: 'There is no such call' })
    else if (carrier.putDown(call)) done(request, response, 200, toShown(call))
    else sendJson(response, 409, { status: 409, message: 'The call has ended' })
  }

  async function dial(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const settings = FaultSettings.safeParse(await fieldsOf(request))
    if (!settings.success) {
      refuse(response, settings.error)
      return
    }
    carrier.dialFaults(settings.data)
    sendJson(response, 200, settings.data)
  }
}

/** The members of a JSON object, or what was filled in of a form. */
async function fieldsOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const body = (await readBody(request, MAX_BODY_BYTES))?.toString('utf8') ?? ''
  if (!isForm(request)) return parseObject(body) ?? {}
  return Object.fromEntries([...new URLSearchParams(body)].filter(([, value]) => value !== ''))
}

/** A person at the page sees the page again, a program the answer. */
function done(request: IncomingMessage, response: ServerResponse, status: number, body: object) {
  if (isForm(request)) response.writeHead(303, { location: '/' }).end()
  else sendJson(response, status, body)
}

function refuse(response: ServerResponse, error: z.ZodError): void {
  sendJson(response, 422, { status: 422, message: z.prettifyError(error) })
}
