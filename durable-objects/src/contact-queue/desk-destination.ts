import type { JsonObject } from '@menagerie/core'
import type { AgentDeskApi, ReserveCommand } from '../agent-desk/desk-types.ts'
import { inTime } from '../agent-desk/in-time.ts'
import type { Destination } from '../journal/types.ts'
import type { DeskAnswer } from './queue-model.ts'

/** What a desk is told of a reservation that ended here. */
export interface CancelOrder {
  reservationId: string
  agentId: string
  reason: string
}

type Desk = Pick<AgentDeskApi, 'reserve' | 'cancelReservation'>

export interface DeskHost {
  desk: (agentId: string) => Desk
  /** `asked`: its desk has not answered yet · `known`: it has · `over`: the reservation has ended. */
  stateOf: (reservationId: string) => 'asked' | 'known' | 'over'
  /** Takes the desks' answers in. @throws where the queue cannot keep them */
  answered: (answers: readonly DeskAnswer[]) => void
}

const BATCH = 50
/** A desk that is silent for so long is taken for one that is away. */
const SILENT_MS = 5_000
/** Orders to other desks wait so long for one that does not answer; who answers sooner shares a commit. */
const HOLD_MS = 500

/**
 * Asks desks to offer contacts, all desks at once and each in order. What they answer comes back into the queue before
 * the orders leave the outbox. Only a desk that has not answered after 500 ms is not waited for: it is asked on beside
 * the next orders, and its own next ones come after that. It has 5 s, then its contact goes on to the next agent;
 * where a crash loses the question, the reservation's own time does that.
 */
export function deskDestination(host: DeskHost): Destination {
  /** What each desk is being asked. */
  const underWay = new Map<string, Promise<void>>()

  function ask(
    agentId: string,
    commands: readonly ReserveCommand[],
    take: (answers: readonly DeskAnswer[]) => void,
  ): Promise<void> {
    const before = underWay.get(agentId) ?? Promise.resolve()
    const asked = before
      .then(() => askDesk(host, commands))
      .then(take)
      // An answer that cannot be kept is one that did not come.
      .catch(() => undefined)
      .finally(() => {
        if (underWay.get(agentId) === asked) underWay.delete(agentId)
      })
    underWay.set(agentId, asked)
    return asked
  }

  return {
    delivery: 'confirmed',
    batchSize: BATCH,
    async send(rows) {
      const commands = rows.map(({ body }) => body as unknown as ReserveCommand)
      const together: DeskAnswer[] = []
      let isHeld = true
      const take = (answers: readonly DeskAnswer[]) => {
        if (isHeld) together.push(...answers)
        else if (answers.length > 0) host.answered(answers)
      }
      const asked = [...Map.groupBy(commands, ({ agentId }) => agentId)].map(([agentId, some]) =>
        ask(agentId, some, take),
      )
      await inTime(Promise.all(asked), HOLD_MS).catch(() => undefined)
      isHeld = false
      if (together.length > 0) host.answered(together)
    },
  }
}

async function askDesk(host: DeskHost, commands: readonly ReserveCommand[]): Promise<DeskAnswer[]> {
  const answers: DeskAnswer[] = []
  for (const command of commands) {
    const { reservationId, agentId } = command
    const before = host.stateOf(reservationId)
    if (before === 'known') continue
    try {
      const desk = host.desk(agentId)
      if (before === 'asked') {
        const reserved = await inTime(desk.reserve(command), SILENT_MS)
        if (!reserved.ok) throw new Error(reserved.error.code)
        answers.push({ reservationId, ...reserved.value })
      }
      // It ended meanwhile, and may have overtaken the word of that.
      if (host.stateOf(reservationId) === 'over')
        await inTime(desk.cancelReservation({ reservationId, reason: 'gone' }), SILENT_MS)
    } catch {
      if (before === 'asked') answers.push({ reservationId, outcome: 'unreached', version: 0 })
    }
  }
  return answers
}

/** Tells desks that a contact is gone. */
export const cancelDestination = (host: Pick<DeskHost, 'desk'>): Destination => ({
  delivery: 'confirmed',
  batchSize: BATCH,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    const told = await Promise.allSettled(
      rows.map(async ({ body }) => {
        const { reservationId, agentId, reason } = body as unknown as CancelOrder
        const desk = host.desk(agentId)
        const canceled = await inTime(desk.cancelReservation({ reservationId, reason }), SILENT_MS)
        if (!canceled.ok && canceled.error.code !== 'not_found')
          throw new Error(`The desk answered ${canceled.error.code}`)
      }),
    )
    for (const one of told) if (one.status === 'rejected') throw one.reason
  },
})
