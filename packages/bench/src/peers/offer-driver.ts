import type { ContactQueue, ContactQueueApi } from '@menagerie/durable-objects/contact-queue'

interface Env {
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
}

const AT_ONCE = 50

/** Offers contacts to a queue as rooms would, without any calls behind them. */
export default {
  async fetch(request, env) {
    const { queueId, callIds } = (await request.json()) as { queueId: string; callIds: string[] }
    const queue = env.CONTACT_QUEUE.getByName(queueId) as unknown as ContactQueueApi
    const offeredAt = Date.now()
    for (let at = 0; at < callIds.length; at += AT_ONCE)
      await Promise.all(
        callIds.slice(at, at + AT_ONCE).map(async (callId) => {
          const offered = await queue.offer({
            callId,
            offer: 1,
            direction: 'inbound',
            from: '+12025550191',
            to: '+12025550100',
            priority: null,
            skills: [],
            offeredAt,
            metadata: {},
          })
          if (!offered.ok) throw new Error(`The queue answered ${offered.error.code}`)
        }),
      )
    return new Response(null, { status: 204 })
  },
} satisfies ExportedHandler<Env>
