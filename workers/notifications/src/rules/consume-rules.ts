import type { CloudEvent } from '@menagerie/contracts'
import { idFromKey, type Line } from '@menagerie/core'
import { mailboxOf } from '@menagerie/durable-objects/mailbox'
import { consume } from '../consume.ts'
import type { Env } from '../context.ts'
import { rulesFor } from '../db/rules.ts'
import { mailboxNamed, orThrow } from '../mailboxes.ts'
import { messageFor } from './content.ts'

/** Consumes the queue `rules`: events that meet a rule become notifications, each once, however often the event comes. */
export const consumeRules = (batch: MessageBatch, env: Env): Promise<void> =>
  consume(batch, 'rules', env, async (event, line) => {
    await apply(event, env, line)
    return undefined
  })

async function apply(event: CloudEvent, env: Env, line: Line): Promise<void> {
  const message = messageFor(event)
  if (message === undefined) return
  const recipient = { userId: message.ownerId }
  const mailbox = mailboxOf(recipient)
  const context = event.traceparent === undefined ? {} : { traceparent: event.traceparent }
  for (const { id: ruleId, channels, category } of await rulesFor(env.DB, event.type)) {
    // The same event and rule are the same notification.
    const id = await idFromKey(`rule:${ruleId}`, event.source, event.id)
    const { content } = message
    const request = { recipient, channels, category, content }
    const command = {
      id,
      mailbox,
      actor: `rule:${ruleId}`,
      source: 'rule',
      key: id,
      request,
    } as const
    const accepted = orThrow(await mailboxNamed(env, mailbox).accept(command, context))
    line.add({ ruleId, notificationId: accepted.notification.id, replayed: accepted.replayed })
  }
}
