import { CloudEvent, type SocketOwner } from '@menagerie/contracts'
import { Line, Logger, traceIdOf, withLine } from '@menagerie/core'
import type { Env } from './context.ts'
import { forget } from './sessions.ts'

const queue = 'revocations'

type Ending = 'session.revoked.v1' | 'session.tokens-expired.v1'

/**
 * Consumes the queue `revocations`: tells each object that holds sockets of a revoked session, or of one whose tokens are
 * void, to close them. The gateway
 * does it because it alone may bind every object. Closing twice changes nothing, so a repeated message is harmless; one
 * that cannot be read is tried again until it becomes a dead letter.
 */
export async function consumeRevocations(batch: MessageBatch, env: Env): Promise<void> {
  const logger = new Logger({ service: 'api_gateway' })
  for (const message of batch.messages) {
    const line = new Line(logger, { queue, messageId: message.id, attempts: message.attempts })
    await withLine(line, 'message', Date.now, async () => {
      try {
        await revoke(message.body, env, line)
        message.ack()
        line.count('queue_messages_total', { queue, outcome: 'consumed' })
      } catch (error) {
        message.retry()
        line
          .raise('warn')
          .add({ error })
          .count('queue_messages_total', { queue, outcome: 'retried' })
      }
    })
  }
}

async function revoke(body: unknown, env: Env, line: Line): Promise<void> {
  const event = CloudEvent.parse(body) as CloudEvent
  line.add({ eventId: event.id, traceId: traceIdOf(event.traceparent) })
  if (event.type !== 'session.revoked.v1' && event.type !== 'session.tokens-expired.v1')
    throw new Error(`${event.type} does not belong into this queue`)
  const { sessionId, sockets } = (event as CloudEvent<Ending>).data
  forget(sessionId)
  const context = event.traceparent === undefined ? {} : { traceparent: event.traceparent }
  await Promise.all(sockets.map((owner) => ownerOf(env, owner).closeSession(sessionId, context)))
}

/** What every object that holds sockets answers. */
interface SocketHolder {
  closeSession(sessionId: string, context: { traceparent?: string }): Promise<unknown>
}

function ownerOf(env: Env, owner: SocketOwner): SocketHolder {
  switch (owner.class) {
    case 'AgentDesk':
      return env.AGENT_DESK.getByName(owner.name)
    case 'CallRoom':
      return env.CALL_ROOM.getByName(owner.name)
    case 'ContactQueue':
      return env.CONTACT_QUEUE.getByName(owner.name)
    case 'Conversation':
      return env.CONVERSATION.getByName(owner.name)
    case 'DeviceTwin':
      return env.DEVICE_TWIN.getByName(owner.name)
    case 'Mailbox':
      return env.MAILBOX.getByName(owner.name)
  }
}
