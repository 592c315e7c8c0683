import type { AcceptedNotification, CreateNotificationRequest } from '@menagerie/contracts'
import { notifications as routes } from '@menagerie/contracts/routes'
import {
  canonicalJson,
  clockOf,
  idFromKey,
  type JsonValue,
  type Line,
  newId,
  type Principal,
  sha256Hex,
} from '@menagerie/core'
import {
  type MailboxContext,
  mailboxOf,
  projectionStatement,
} from '@menagerie/durable-objects/mailbox'
import type { Env } from '../context.ts'
import { claimKey, keyUse } from '../db/idempotency.ts'
import { mailboxNamed, orThrow, toAppError } from '../mailboxes.ts'
import { checkFields, checkTimes, normalised, refuseUnbuilt, requireRecipient } from './check.ts'

/**
 * Checks a notification and hands it to its recipient's mailbox.
 *
 * @param key the caller's idempotency key
 * @throws AppError `forbidden`, `not_implemented`, `validation_failed`, `idempotency_mismatch` or what the mailbox answers
 */
export async function createNotification(
  env: Env,
  principal: Principal,
  asked: CreateNotificationRequest,
  key: string | undefined,
  context: MailboxContext,
  line: Line,
): Promise<{ notification: AcceptedNotification; replayed: boolean }> {
  const request = normalised(asked)
  requireRecipient(principal, request)
  refuseUnbuilt(request)
  checkFields(request)
  const now = clockOf(env).now()
  const id = await idOf(env, principal, request, key, now)
  const mailbox = mailboxOf(request.recipient)
  const from = { actor: principal.id, source: 'http', key: key ?? null } as const
  const command = { id, mailbox, ...from, request }
  const { notification, row, replayed } = orThrow(
    await mailboxNamed(env, mailbox).accept(command, context),
  )
  if (row !== null && !replayed)
    // The mailbox writes the row too; here it is for those who list or look at once.
    await projectionStatement(env.DB, row)
      .run()
      .catch((error: unknown) => line.raise('warn').add({ error }))
  line.add({ notificationId: notification.id })
  return { notification, replayed }
}

/** The notification's id, derived from the key where there is one: no other request may have used it. */
async function idOf(
  env: Env,
  principal: Principal,
  request: CreateNotificationRequest,
  key: string | undefined,
  now: number,
): Promise<string> {
  if (key === undefined) {
    checkTimes(request, now)
    return newId()
  }
  const id = await idFromKey(principal.id, `POST ${routes.create.path}`, key)
  const bodyHash = await sha256Hex(canonicalJson(request as unknown as JsonValue))
  let use = await keyUse(env.DB, id, bodyHash, now)
  if (use === 'new') {
    checkTimes(request, now)
    use = await claimKey(env.DB, id, bodyHash, now)
  }
  if (use === 'other') throw toAppError({ code: 'idempotency_mismatch' })
  return id
}
