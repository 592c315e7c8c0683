import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { headerOf, parseObject } from '../http.ts'
import type { InboxEntry, InboxKind, Taken } from './inbox-store.ts'
import { messageResource } from './message-resource.ts'

/** A message that a request brings; how it is answered is the provider's own. */
export interface Arrival {
  kind: InboxKind
  message: Omit<InboxEntry, 'id' | 'receivedAt'>
  key?: string | undefined
  answer: (taken: Taken) => Answer
}

export interface Answer {
  status: number
  body: object
}

/** How a provider says that something went wrong with a status. */
export type Refuse = (status: number, name: string, message: string) => Answer

export interface Sink {
  kind: InboxKind
  /** What the path names: an account, a subscription, a webhook. */
  name: string
  refuse: Refuse
  read: (request: IncomingMessage, body: Buffer) => Arrival | Answer
}

export interface SinkOptions {
  accountSid: string
  authToken: string
  /** The key that senders of e-mail must have; any is taken when left out. */
  emailKey?: string | undefined
}

/** The sink that a `POST` to a path goes to. */
export function sinkOf(path: string, options: SinkOptions): Sink | undefined {
  if (path === '/emails') return emailSink(options)
  const [, account] = /^\/2010-04-01\/Accounts\/([^/]+)\/Messages\.json$/.exec(path) ?? []
  if (account !== undefined) return smsSink(account, options)
  const [, kind, name = ''] = /^\/(push|webhooks)\/([A-Za-z0-9._~-]{1,256})$/.exec(path) ?? []
  if (kind === 'push') return rawSink('push', name, 201)
  if (kind === 'webhooks') return rawSink('webhook', name, 200)
  return undefined
}

/** `POST /emails` as Resend's API has it (resend.com/docs/api-reference/emails/send-email). */
function emailSink({ emailKey }: SinkOptions): Sink {
  const refuse: Refuse = (statusCode, name, message) => ({
    status: statusCode,
    body: { statusCode, name, message },
  })
  return {
    kind: 'email',
    name: '',
    refuse,
    read(request, bytes) {
      const [, key] = /^Bearer (\S+)$/i.exec(headerOf(request, 'authorization') ?? '') ?? []
      if (key === undefined) return refuse(401, 'missing_api_key', 'Missing API key')
      if (emailKey !== undefined && !isSame(key, emailKey))
        return refuse(403, 'invalid_api_key', 'API key is invalid')
      const mail = parseObject(bytes.toString('utf8'))
      if (mail === undefined) return refuse(400, 'validation_error', 'The body is no JSON object')
      const to = (Array.isArray(mail.to) ? mail.to : [mail.to]).filter(isText)
      const body = [mail.text, mail.html].find(isText)
      const { from, subject } = mail
      const missing = !isText(from)
        ? 'from'
        : to.length === 0
          ? 'to'
          : !isText(subject)
            ? 'subject'
            : 'text'
      if (!isText(from) || to.length === 0 || !isText(subject) || body === undefined)
        return refuse(422, 'missing_required_field', `Missing \`${missing}\` field`)
      return {
        kind: 'email',
        message: { to, from, subject, body },
        key: headerOf(request, 'idempotency-key'),
        answer: (taken) =>
          taken.outcome === 'other_request'
            ? refuse(
                409,
                'invalid_idempotent_request',
                'Same idempotency key used with a different request payload',
              )
            : { status: 200, body: { id: taken.entry.id } },
      }
    },
  }
}

/** E.164, on WhatsApp with the channel before it. */
const e164 = /^(whatsapp:)?\+[1-9]\d{6,14}$/

/** Whether a request is our customer's, by Basic authentication. */
export function isCustomer(
  request: IncomingMessage,
  account: string,
  { accountSid, authToken }: SinkOptions,
): boolean {
  const expected = `Basic ${Buffer.from(`${accountSid}:${authToken}`).toString('base64')}`
  return isSame(headerOf(request, 'authorization') ?? '', expected) && account === accountSid
}

/** The `Messages` resource of Twilio's API of 2010-04-01; `Idempotency-Key` is the lab's own, as with calls. */
function smsSink(account: string, { accountSid, authToken }: SinkOptions): Sink {
  const refuse: Refuse = (status, _name, message) => ({
    status,
    body: { code: status === 401 ? 20003 : 20001, message, status },
  })
  const invalid = (code: number, message: string): Answer => ({
    status: 400,
    body: { code, message, more_info: `https://www.twilio.com/docs/errors/${code}`, status: 400 },
  })
  return {
    kind: 'sms',
    name: account,
    refuse,
    read(request, bytes) {
      if (!isCustomer(request, account, { accountSid, authToken }))
        return refuse(401, 'unauthorized', 'Authenticate')
      const form = new URLSearchParams(bytes.toString('utf8'))
      const [to, from, body] = ['To', 'From', 'Body'].map((name) => form.get(name) ?? '') as [
        string,
        string,
        string,
      ]
      if (!e164.test(to)) return invalid(21211, `The 'To' number ${to} is not valid`)
      if (!e164.test(from)) return invalid(21212, `The 'From' number ${from} is not valid`)
      if (body === '') return invalid(21602, 'Message body is required')
      const callback = form.get('StatusCallback')
      if (callback !== null && !URL.canParse(callback))
        return invalid(21609, `The 'StatusCallback' URL ${callback} is not valid`)
      return {
        kind: 'sms',
        message: { to: [to], from, body, ...(callback === null ? {} : { callback }) },
        key: headerOf(request, 'idempotency-key'),
        answer: (taken) =>
          taken.outcome === 'other_request'
            ? invalid(20001, 'The idempotency key was used for another message')
            : { status: 201, body: messageResource(taken.entry, accountSid) },
      }
    },
  }
}

/** Takes any body: a push service (RFC 8030 §5 answers 201) or somebody's webhook. */
const rawSink = (kind: 'push' | 'webhook', name: string, status: number): Sink => ({
  kind,
  name,
  refuse: (refused, error, message) => ({ status: refused, body: { error, message } }),
  read: (_request, bytes) => ({
    kind,
    message: { to: [name], body: toText(bytes) },
    answer: (taken) => ({
      status,
      body: taken.outcome === 'other_request' ? {} : { id: taken.entry.id },
    }),
  }),
})

function toText(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes)
  } catch {
    return bytes.toString('base64')
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Compared by digest, so that the time tells nothing. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest())
  return left !== undefined && right !== undefined && timingSafeEqual(left, right)
}
