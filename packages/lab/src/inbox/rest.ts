import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseObject, readBody, sendJson } from '../http.ts'
import { type Faults, isFault } from './faults.ts'
import { type InboxEntry, type InboxKind, type InboxStore, inboxKinds } from './inbox-store.ts'
import { messageResource } from './message-resource.ts'
import { type Answer, isCustomer, type Sink, type SinkOptions, sinkOf } from './sinks.ts'
import { type InboundText, type TextWebhooks, textSid } from './text-webhooks.ts'

export interface InboxApiOptions extends SinkOptions {
  store: InboxStore
  faults: Faults
  texts: TextWebhooks
}

const MAX_BODY_BYTES = 256 * 1024

/**
 * The lab's sinks and inboxes over HTTP.
 *
 * @returns a handler that says whether the request was one of theirs
 */
export function inboxApi({ store, faults, texts, ...options }: InboxApiOptions) {
  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
    if (url.pathname === '/inbox/sms/inbound') return inbound(request, response)
    if (request.method === 'GET' && url.pathname.startsWith('/2010-04-01/'))
      return lookUp(request, response, url)
    const [, name, part] = /^\/inbox\/([a-z]+)(\/faults)?$/.exec(url.pathname) ?? []
    const kind = inboxKinds.find((one) => one === name)
    if (kind !== undefined && part === undefined) return inbox(request, response, url, kind)
    if (kind !== undefined) return plan(request, response, kind)
    const sink = request.method === 'POST' ? sinkOf(url.pathname, options) : undefined
    if (sink === undefined) return false
    await take(request, response, sink)
    return true
  }

  async function take(request: IncomingMessage, response: ServerResponse, sink: Sink) {
    const body = await readBody(request, MAX_BODY_BYTES)
    const fault = faults.take(sink.kind)
    if (fault !== undefined && fault !== 'drop') {
      const status = Number(fault)
      const { body: said } = sink.refuse(status, 'planned_fault', 'The lab was told to fail')
      return sendJson(response, status, said, status === 429 ? { 'retry-after': '1' } : {})
    }
    const answer = body === undefined ? tooLarge(sink) : receive(request, sink, body)
    if (fault === 'drop') request.socket.destroy()
    else sendJson(response, answer.status, answer.body)
  }

  function receive(request: IncomingMessage, sink: Sink, body: Buffer): Answer {
    const read = sink.read(request, body)
    if ('status' in read) return read
    const taken = store.add(read.kind, read.message, read.key, Date.now())
    if (taken.outcome === 'new' && read.kind === 'sms') texts.sent(taken.entry)
    return read.answer(taken)
  }

  /** The `Messages` resource: one, or those `To` and `From` somebody, newest first. */
  function lookUp(request: IncomingMessage, response: ServerResponse, url: URL): boolean {
    const path = /^\/2010-04-01\/Accounts\/([^/]+)\/Messages(?:\/(\w+))?\.json$/.exec(url.pathname)
    if (path === null) return false
    const [, account = '', sid] = path
    if (!isCustomer(request, account, options)) {
      sendJson(response, 401, { code: 20003, message: 'Authenticate', status: 401 })
      return true
    }
    const show = (entry: InboxEntry) => messageResource(entry, account)
    if (sid === undefined) {
      const wanted = (name: string, value: string | undefined) =>
        !url.searchParams.has(name) || url.searchParams.get(name) === value
      const size = Math.min(1_000, Number(url.searchParams.get('PageSize') ?? 50) || 50)
      const found = store
        .list('sms')
        .filter(({ to, from }) => wanted('To', to[0]) && wanted('From', from))
      const messages = found.slice(0, size).map(show)
      sendJson(response, 200, { messages, page: 0, page_size: size, next_page_uri: null })
      return true
    }
    const one = store.list('sms').find((entry) => textSid(entry) === sid)
    if (one === undefined)
      sendJson(response, 404, { code: 20404, message: 'There is no such message', status: 404 })
    else sendJson(response, 200, show(one))
    return true
  }

  /** Somebody writes to one of the customer's numbers. */
  async function inbound(request: IncomingMessage, response: ServerResponse): Promise<true> {
    if (request.method !== 'POST') return notAllowed(response)
    const body = await readBody(request, MAX_BODY_BYTES)
    const text = readInbound(parseObject(body?.toString('utf8') ?? ''))
    if (text === undefined) {
      const message = 'needs {from, to, body}; from and to are E.164, or whatsapp: and E.164'
      sendJson(response, 422, { status: 422, message })
    } else sendJson(response, 201, { data: await texts.inbound(text) })
    return true
  }

  function inbox(request: IncomingMessage, response: ServerResponse, url: URL, kind: InboxKind) {
    if (request.method === 'GET') {
      const to = url.searchParams.get('to') ?? undefined
      sendJson(response, 200, { data: store.list(kind, to).map(toShown) })
      return true
    }
    if (request.method !== 'DELETE') return notAllowed(response)
    store.empty(kind)
    response.writeHead(204).end()
    return true
  }

  async function plan(request: IncomingMessage, response: ServerResponse, kind: InboxKind) {
    if (request.method === 'GET') {
      sendJson(response, 200, { next: faults.planned(kind) })
      return true
    }
    if (request.method !== 'PUT') return notAllowed(response)
    const body = await readBody(request, MAX_BODY_BYTES)
    const next = parseObject(body?.toString('utf8') ?? '')?.next
    if (!Array.isArray(next) || !next.every(isFault)) {
      const message = 'next must be a list of statuses ("400" to "599") and "drop"'
      sendJson(response, 422, { status: 422, message })
      return true
    }
    faults.plan(kind, next)
    sendJson(response, 200, { next })
    return true
  }
}

const address = /^(whatsapp:)?\+[1-9]\d{6,14}$/

function readInbound(value: Record<string, unknown> | undefined): InboundText | undefined {
  const { from, to, body } = value ?? {}
  if (typeof from !== 'string' || typeof to !== 'string' || typeof body !== 'string')
    return undefined
  const isSameChannel = from.startsWith('whatsapp:') === to.startsWith('whatsapp:')
  return address.test(from) && address.test(to) && isSameChannel ? { from, to, body } : undefined
}

const tooLarge = (sink: Sink): Answer => sink.refuse(413, 'too_large', 'The body is too large')

function notAllowed(response: ServerResponse): true {
  sendJson(response, 405, { status: 405, message: 'Method not allowed' })
  return true
}

/** A message as `GET /inbox/{kind}` shows it. */
function toShown({ id, to, from, subject, body, receivedAt }: InboxEntry): object {
  return {
    id,
    to: to.join(', '),
    ...(from === undefined ? {} : { from }),
    ...(subject === undefined ? {} : { subject }),
    body,
    receivedAt: new Date(receivedAt).toISOString(),
  }
}
