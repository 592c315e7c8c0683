import { DurableObject } from 'cloudflare:workers'
import { newId, ok, type Principal } from '@menagerie/core'
import type { ReserveCommand } from '@menagerie/durable-objects/agent-desk'
import {
  type AgentStanding,
  ContactQueue,
  type ContactQueueApi,
} from '@menagerie/durable-objects/contact-queue'

export { ContactQueue }

interface Env {
  CONTACT_QUEUE: DurableObjectNamespace<ContactQueue>
  AGENT_DESK: DurableObjectNamespace<QuickDesk>
}

const AT_ONCE = 50
const LOOK_EVERY_MS = 20

const queueOf = (env: Env, queueId: string) =>
  env.CONTACT_QUEUE.getByName(queueId) as unknown as ContactQueueApi

/** Answers a queue as a desk does whose agent accepts at once and is free again; keeps nothing and tells nobody else. */
export class QuickDesk extends DurableObject<Env> {
  #version = 0

  /** The agent comes to work. */
  async begin(agentId: string, queueId: string): Promise<void> {
    const stands = await queueOf(this.env, queueId).agentChanged(this.#standing(agentId))
    if (!stands.ok) throw new Error(`The queue answered ${stands.error.code}`)
  }

  reserve({ reservationId, agentId, contact }: ReserveCommand) {
    this.#version += 1
    const reserved = ok({ outcome: 'pending' as const, version: this.#version })
    const accept = async () => {
      // After the answer, as an agent would.
      await scheduler.wait(0)
      const at = Date.now()
      const standing = this.#standing(agentId)
      const outcome = { reservationId, agentId, outcome: 'accepted', at, standing } as const
      const ended = await queueOf(this.env, contact.queueId).reservationEnded(outcome)
      if (!ended.ok) throw new Error(`The queue answered ${ended.error.code}`)
    }
    this.ctx.waitUntil(accept())
    return reserved
  }

  cancelReservation() {
    return ok(null)
  }

  refreshQueues() {
    return ok(null)
  }

  #standing(agentId: string): AgentStanding {
    this.#version += 1
    return {
      agentId,
      version: this.#version,
      serves: true,
      activity: 'available',
      skills: [],
      free: 1,
      reservations: [],
      idleSince: Date.now(),
    }
  }
}

/** Has a queue give contacts to desks; answers once all have been accepted. */
export default {
  async fetch(request, env) {
    const { queueId, agents, contacts } = (await request.json()) as {
      queueId: string
      agents: number
      contacts: number
    }
    const queue = queueOf(env, queueId)
    const made = await queue.create(supervisor, {
      id: queueId,
      key: queueId,
      request: {
        name: queueId,
        skills: [],
        priority: 50,
        reservationTimeoutSeconds: 20,
        serviceLevelSeconds: 20,
      },
    })
    if (!made.ok) throw new Error(`The queue answered ${made.error.code}`)
    const before = await answered(queue)
    if (before === 0)
      for (let n = 0; n < agents; n++) {
        const agentId = newId()
        await env.AGENT_DESK.getByName(agentId).begin(agentId, queueId)
      }
    const offeredAt = Date.now()
    for (let left = contacts; left > 0; left -= AT_ONCE)
      await Promise.all(
        Array.from({ length: Math.min(left, AT_ONCE) }, async () => {
          const offered = await queue.offer({
            callId: newId(),
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
    while ((await answered(queue)) - before < contacts) await scheduler.wait(LOOK_EVERY_MS)
    return new Response(null, { status: 204 })
  },
} satisfies ExportedHandler<Env>

async function answered(queue: ContactQueueApi): Promise<number> {
  const stats = await queue.stats()
  if (!stats.ok) throw new Error(`The queue answered ${stats.error.code}`)
  return stats.value.answered
}

const supervisor: Principal = {
  kind: 'user',
  id: 'supervisor',
  username: 'supervisor',
  sessionId: '',
  clientId: '',
  roles: [],
  permissions: ['queues:write'],
  acr: '1',
  issuedAt: 0,
  expiresAt: 0,
}
