import type { Channel, CreateNotificationRequest } from '@menagerie/contracts'
import { AppError, type Principal } from '@menagerie/core'
import { channelsFor } from '@menagerie/durable-objects/mailbox'

const MAX_AHEAD_MS = 365 * 24 * 60 * 60 * 1000

const built: ReadonlySet<Channel> = new Set(['email', 'in-app'])

/** The request with its recipient written in the one way that names a mailbox. */
export const normalised = (request: CreateNotificationRequest): CreateNotificationRequest =>
  'userId' in request.recipient
    ? { ...request, recipient: { userId: request.recipient.userId.toLowerCase() } }
    : request

/**
 * Users notify themselves; everybody else needs `notifications:write:all`.
 *
 * @throws AppError `forbidden`
 */
export function requireRecipient(
  principal: Principal,
  { recipient }: CreateNotificationRequest,
): void {
  if (principal.permissions.includes('notifications:write:all')) return
  if (principal.kind === 'user' && 'userId' in recipient && recipient.userId === principal.id)
    return
  throw new AppError('forbidden', 'To notify others needs the permission notifications:write:all')
}

/** What is not built yet is refused by its name, so that nobody waits for it. @throws AppError `not_implemented` */
export function refuseUnbuilt(request: CreateNotificationRequest): void {
  for (const field of ['templateId', 'data', 'rrule', 'digest'] as const)
    if (request[field] !== undefined)
      throw new AppError('not_implemented', `${field} is not built yet: leave it out`)
  if ('deviceId' in request.recipient)
    throw new AppError('not_implemented', 'recipient.deviceId is not built yet: name its owner')
  const missing = (request.channels ?? channelsFor(request.recipient)).find(
    (channel) => !built.has(channel),
  )
  if (missing === undefined) return
  const detail =
    request.channels === undefined
      ? `recipient.phoneNumber goes by ${missing}, which is not built yet`
      : `channels: ${missing} is not built yet`
  throw new AppError('not_implemented', detail)
}

/** What the shapes of the fields do not say. @throws AppError `validation_failed` */
export function checkFields(request: CreateNotificationRequest): void {
  const { recipient, channels, content, dedupeKey = '' } = request
  if (channels?.includes('in-app') && !('userId' in recipient))
    throw invalid('/channels', 'in-app reaches users alone: only they have a feed')
  const texts = {
    '/content/title': content?.title,
    '/content/body': content?.body,
    '/dedupeKey': dedupeKey,
  }
  for (const [pointer, text] of Object.entries(texts))
    if (text?.isWellFormed() === false)
      throw invalid(pointer, 'must be Unicode text without lone surrogates')
}

/** When it may go. Asked once: a repeat gets the first answer, however late it comes. @throws AppError `validation_failed` */
export function checkTimes({ sendAt, expiresAt }: CreateNotificationRequest, now: number): void {
  const goesAt = sendAt === undefined ? now : Math.max(Date.parse(sendAt), now)
  if (goesAt > now + MAX_AHEAD_MS) throw invalid('/sendAt', 'must be at most a year ahead')
  if (expiresAt !== undefined && Date.parse(expiresAt) <= goesAt)
    throw invalid('/expiresAt', 'must be after the time it is sent')
}

const invalid = (pointer: string, detail: string): AppError =>
  new AppError('validation_failed', 'The request has fields that are not valid', {
    errors: [{ pointer, code: 'invalid', detail }],
  })
