import type { JsonObject } from '@menagerie/core'
import type { AgentDeskApi } from '../agent-desk/desk-types.ts'
import { type Destination, queueDestination } from '../journal/index.ts'
import { cancelDestination, type DeskHost, deskDestination } from './desk-destination.ts'
import { type ProjectedQueue, projectionDestination, queueStatement } from './queue-projection.ts'
import type { ContactQueueEnv } from './queue-types.ts'

/** Desks that are told at once of a change of the list. */
const AT_ONCE = 50

/** Where a queue's outbox goes: the queues between Workers, the list's table and the desks of agents. */
export function queueDestinations(
  env: ContactQueueEnv,
  host: Omit<DeskHost, 'desk'>,
): Record<string, Destination> {
  const desk = (agentId: string) => env.AGENT_DESK.getByName(agentId) as unknown as AgentDeskApi
  return {
    history: queueDestination(env.HISTORY_QUEUE),
    rules: queueDestination(env.RULES_QUEUE),
    projection: projectionDestination(env.DB),
    desk: deskDestination({ ...host, desk }),
    cancel: cancelDestination({ desk }),
    agents: agentsDestination(env.DB, desk),
  }
}

/**
 * Tells the desks of everybody at work that the list of queues has changed. They read it from D1, so the row is
 * written first: the projection may still be on its way.
 */
const agentsDestination = (
  db: D1Database,
  desk: (agentId: string) => Pick<AgentDeskApi, 'refreshQueues'>,
): Destination => ({
  delivery: 'confirmed',
  // A list that changed twice is read once.
  batchSize: 50,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    await db.batch(rows.map(({ body }) => queueStatement(db, body as unknown as ProjectedQueue)))
    const { results } = await db
      .prepare(`SELECT user_id FROM agents WHERE activity <> 'offline'`)
      .all<{ user_id: string }>()
    for (let from = 0; from < results.length; from += AT_ONCE) {
      const some = results.slice(from, from + AT_ONCE)
      const told = await Promise.all(some.map(({ user_id }) => desk(user_id).refreshQueues()))
      for (const one of told)
        if (!one.ok && one.error.code !== 'not_found')
          throw new Error(`A desk answered ${one.error.code}`)
    }
  },
})
