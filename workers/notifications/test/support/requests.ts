import type { CloudEvent } from '@menagerie/contracts'
import { makeEvent, newId } from '@menagerie/core'
import { mailboxNamed } from '../../src/mailboxes.ts'
import { testEnv } from './api.ts'

type Requested = CloudEvent<'notification.requested.v1'>

/**
 * A notification that waits in its mailbox for what becomes of its e-mail, and the message that asks for it. Put there
 * past the Worker, so that the test alone decides which messages the queue brings.
 */
export async function requested(
  recipient: { email: string } | { userId: string },
  expiresAt: string | null = null,
): Promise<Requested> {
  const id = newId()
  const mailbox = 'email' in recipient ? `email:${recipient.email}` : `user:${recipient.userId}`
  const content = { title: 'Hello', body: 'Body' }
  const request = { recipient, channels: ['email' as const], category: 'news', content }
  const command = { id, mailbox, actor: 'test', source: 'http', key: null, request } as const
  const accepted = await mailboxNamed(testEnv, mailbox).accept(command)
  if (!accepted.ok) throw new Error(accepted.error.code)
  return makeEvent({
    type: 'notification.requested.v1',
    id: `notifications/${id}:email`,
    source: `/notifications/${id}`,
    subject: id,
    at: Date.now(),
    data: {
      notificationId: id,
      mailbox,
      deliveryId: `${id}:email`,
      channel: 'email',
      recipient,
      category: 'news',
      content,
      expiresAt,
    },
  })
}
