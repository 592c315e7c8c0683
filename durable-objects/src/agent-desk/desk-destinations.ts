import type { JsonObject, Result } from '@menagerie/core'
import type { CallRoomApi } from '../call-room/index.ts'
import type { ContactQueueApi } from '../contact-queue/index.ts'
import { queueDestination } from '../journal/queue-destination.ts'
import type { Destination } from '../journal/types.ts'
import type { QueueRow, RoomRow } from './desk-messages.ts'
import { projectionDestination } from './desk-projection.ts'
import { standingOf } from './desk-standing.ts'
import type { DeskInput, DeskState } from './desk-state-types.ts'
import type { AgentDeskEnv } from './desk-types.ts'
import { inTime } from './in-time.ts'

const BATCH = 50
const LIMIT_MS = 5_000

/** What the destinations need of the desk. */
export interface DestinationHost {
  /** As it was last saved. */
  state: () => DeskState | undefined
  /** The same, for the list: changes from now on are told by another row. */
  takeListed: () => DeskState | undefined
  /** @throws Error where the journal cannot keep it */
  tell: (input: DeskInput) => void
  /** Has rows sent again after a while. @throws Error where the journal cannot keep them */
  again: (destination: 'queue' | 'room', rows: readonly (QueueRow | RoomRow)[]) => void
  /** Told of what failed. */
  fault: (where: string, error: unknown) => void
}

/** Where a desk's outbox goes: the history, the list's table, the contact queues and the calls' rooms. */
export const deskDestinations = (
  env: Pick<AgentDeskEnv, 'HISTORY_QUEUE' | 'DB' | 'CONTACT_QUEUE' | 'CALL_ROOM'>,
  host: DestinationHost,
): Record<string, Destination> => ({
  history: queueDestination(env.HISTORY_QUEUE),
  projection: projectionDestination(env.DB, {
    take: host.takeListed,
    appeared: () => host.tell({ type: 'queues-changed' }),
  }),
  queue: each<QueueRow>('queue', host, ({ queueId }) => queueId, tellQueue(env, host)),
  room: each<RoomRow>('room', host, ({ callId }) => callId, tellRoom(env, host)),
})

/**
 * Objects side by side, the rows of each in their order. What one does not take comes again by itself, so that an
 * object that is away holds no word to another up.
 */
const each = <Row extends QueueRow | RoomRow>(
  destination: 'queue' | 'room',
  host: DestinationHost,
  nameOf: (row: Row) => string,
  tell: (name: string, rows: readonly Row[]) => Promise<void>,
): Destination => ({
  delivery: 'confirmed',
  batchSize: BATCH,
  async send(rows: readonly { body: JsonObject }[]) {
    const told = Map.groupBy(
      rows.map(({ body }) => body as unknown as Row),
      nameOf,
    )
    const failed = await Promise.all(
      [...told].map(async ([name, some]) => {
        try {
          await inTime(tell(name, some), LIMIT_MS)
          return []
        } catch (error) {
          host.fault(`outbox ${destination}`, error)
          return some
        }
      }),
    )
    const rest = failed.flat()
    if (rest.length > 0) host.again(destination, rest)
  },
})

const tellQueue =
  (env: Pick<AgentDeskEnv, 'CONTACT_QUEUE'>, { state }: DestinationHost) =>
  async (queueId: string, rows: readonly QueueRow[]): Promise<void> => {
    const queue = env.CONTACT_QUEUE.getByName(queueId) as unknown as ContactQueueApi
    // Whole and as of now, so the newest of several is enough.
    const standing = () => {
      const desk = state()
      if (desk === undefined) throw new Error('A desk that tells of itself is there')
      return standingOf(desk, queueId)
    }
    let told = 0
    for (const row of rows)
      if (row.type === 'ended') {
        const { reservationId, outcome, at } = row
        const now = standing()
        const { agentId } = now
        mustArrive(
          await queue.reservationEnded({ reservationId, agentId, outcome, at, standing: now }),
        )
        told = now.version
      }
    if (!rows.some(({ type }) => type === 'standing')) return
    const now = standing()
    // What became of a reservation was told together with it.
    if (now.version !== told) mustArrive(await queue.agentChanged(now))
  }

const tellRoom =
  (env: Pick<AgentDeskEnv, 'CALL_ROOM'>, { state, tell }: DestinationHost) =>
  async (callId: string, rows: readonly RoomRow[]): Promise<void> => {
    const agentId = state()?.id ?? ''
    const room = env.CALL_ROOM.getByName(callId) as unknown as CallRoomApi
    for (const row of rows)
      switch (row.type) {
        case 'accepted': {
          const { offer, reservationId, queueId, at } = row
          const acceptance = { callId, offer, reservationId, agentId, queueId, at }
          const taken = await room.agentAccepted(acceptance)
          mustArrive(taken)
          tell({ type: taken.ok ? 'acceptance-taken' : 'acceptance-late', reservationId })
          break
        }
        case 'work':
          mustArrive(await room.afterContactWork({ callId, agentId, seconds: row.seconds }))
          break
      }
  }

/** @throws Error for what may arrive when it is sent again; every other refusal is an answer */
function mustArrive(result: Result<unknown, { code: string }>): void {
  if (!result.ok && ['overloaded', 'storage_full', 'too_many_requests'].includes(result.error.code))
    throw new Error(`It was answered with ${result.error.code}`)
}
