import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseObject, readBody, sendJson } from '../http.ts'
import { type Faults, isFault } from './faults.ts'
import { type InboxEntry, type InboxKind, type InboxStore, inboxKinds } from './inbox-store.ts'
import { type Answer, type Sink, type SinkOptions, sinkOf } from './sinks.ts'

export interface InboxApiOptions extends SinkOptions {
  store: InboxStore
  faults: Faults
}

const MAX_BODY_BYTES = 256 * 1024

/**
 * The lab's sinks and inboxes over HTTP.
 *
 * @returns a handler that says whether the request was one of theirs
 */
export function inboxApi({ store, faults, ...options }: InboxApiOptions) {
  return async (request: IncomingMessage, response: ServerResponse, url: URL): Promise<boolean> => {
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
    return read.answer(store.add(read.kind, read.message, read.key, Date.now()))
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
