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

/**
 * Asks desks to offer contacts, all desks at once and each in order. What they answer comes back into the queue before
 * the orders leave the outbox. A desk that cannot be reached holds its batch up for 5 s at most: its contact goes on to the next agent.
 */
export const deskDestination = (host: DeskHost): Destination => ({
  delivery: 'confirmed',
  batchSize: BATCH,
  async send(rows: readonly { id: string; body: JsonObject }[]) {
    const commands = rows.map(({ body }) => body as unknown as ReserveCommand)
    const agentIds = [...new Set(commands.map(({ agentId }) => agentId))]
    const answers = await Promise.all(
      agentIds.map((agentId) =>
        askDesk(
          host,
          commands.filter((command) => command.agentId === agentId),
        ),
      ),
    )
    if (answers.some(({ length }) => length > 0)) host.answered(answers.flat())
  },
})

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
