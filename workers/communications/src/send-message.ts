import { EmailAddress, PhoneNumber, type SendMessageRequest } from '@menagerie/contracts'
import { conversations } from '@menagerie/contracts/routes'
import {
  AppError,
  canonicalJson,
  clockOf,
  idFromKey,
  type JsonValue,
  newId,
  type Principal,
  sha256Hex,
} from '@menagerie/core'
import {
  type ConversationContext,
  conversationIdOf,
  normalisedCustomer,
  type Sent,
} from '@menagerie/durable-objects/conversation'
import type { Env } from './context.ts'
import { conversationOf, conversationValue, invalid, toAppError } from './conversations.ts'
import { claimKey } from './db/message-keys.ts'

const YEAR_MS = 365 * 24 * 60 * 60 * 1000
/** What Twilio takes in one message (error 21617). */
const MAX_TEXT = 1600

/**
 * Checks a message and hands it to its conversation.
 *
 * @param key the caller's idempotency key
 * @throws AppError `not_implemented`, `validation_failed`, `idempotency_mismatch` or what the conversation answers
 */
export async function sendMessage(
  env: Env,
  principal: Principal,
  request: SendMessageRequest,
  key: string | undefined,
  context: ConversationContext,
): Promise<Sent> {
  const now = clockOf(env).now()
  const sendAt = check(request, now)
  const { conversationId, to, channel, body, mediaUrls = [], clientMessageId = null } = request
  const customer = to === undefined ? null : normalisedCustomer(to)
  const command = {
    id: await idOf(env, principal, request, key, now),
    conversationId: conversationId ?? (await conversationIdOf(channel, customer ?? '')),
    channel,
    customer,
    key: key ?? null,
    content: { body, mediaUrls, clientMessageId, sendAt },
  }
  const conversation = conversationOf(env, command.conversationId)
  return conversationValue(await conversation.send(principal, command, context))
}

/** @returns when it shall go, milliseconds since the epoch; `null` for now */
function check({ channel, to, body, sendAt }: SendMessageRequest, now: number): number | null {
  if (channel === 'email')
    throw new AppError(
      'not_implemented',
      'E-mail is sent as a notification: POST /notifications/create',
    )
  if (to !== undefined && !fits[channel](to)) throw invalid('to', `is no address for ${channel}`)
  if (channel !== 'chat' && [...body].length > MAX_TEXT)
    throw invalid('body', `must have at most ${MAX_TEXT} characters on ${channel}`)
  if (sendAt === undefined) return null
  const at = Date.parse(sendAt)
  if (at > now + YEAR_MS) throw invalid('sendAt', 'must be at most a year away')
  return at
}

const isPhone = (to: string) => PhoneNumber.safeParse(to).success
const fits = {
  sms: isPhone,
  whatsapp: isPhone,
  chat: (to: string) => to.startsWith('user:'),
  email: (to: string) => EmailAddress.safeParse(to).success,
} as const

/** The message's id, derived from the key where there is one: no other request may have used it. */
async function idOf(
  env: Env,
  principal: Principal,
  request: SendMessageRequest,
  key: string | undefined,
  now: number,
): Promise<string> {
  if (key === undefined) return newId()
  const id = await idFromKey(principal.id, `POST ${conversations.send.path}`, key)
  const bodyHash = await sha256Hex(canonicalJson(request as unknown as JsonValue))
  // The same key may name another customer, whose conversation knows nothing of it.
  if (!(await claimKey(env.DB, id, bodyHash, now)))
    throw toAppError({ code: 'idempotency_mismatch' })
  return id
}
