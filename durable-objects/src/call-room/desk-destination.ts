import type { AgentDesk, AgentDeskApi, CallPresence } from '../agent-desk/index.ts'
import type { Destination } from '../journal/index.ts'
import type { CallInput } from './call-inputs.ts'
import type { RoomTask } from './call-outputs.ts'
import type { CallState } from './call-types.ts'
import { eachRow } from './each-row.ts'

/** What a row of the outbox tells a desk. */
type DeskTask = Extract<RoomTask, { type: `desk.${string}` }> | PresenceTask
type PresenceTask = { type: 'desk.presence'; presence: CallPresence }

export interface RoomTaskHost {
  /** The call as it is now. */
  state: () => CallState | undefined
  /** Tells the room what was answered. */
  tell: (input: CallInput) => void
}

/** The desks of a call's users: where it rings, and who takes part. */
export const deskDestination = (
  desks: DurableObjectNamespace<AgentDesk>,
  host: RoomTaskHost,
): Destination => {
  const deskOf = (userId: string) => desks.getByName(userId) as DurableObjectStub & AgentDeskApi

  async function carryOut(task: DeskTask): Promise<void> {
    switch (task.type) {
      case 'desk.presence':
        return arrived(await deskOf(task.presence.userId).callPresence(task.presence))
      case 'desk.ring': {
        const state = host.state()
        // Tried again later than its end it must not ring for ever.
        if (state?.ring?.number !== task.number) return
        const { id: callId, direction, from, to } = state.details
        const { userId, expiresAt } = task
        const rung = await deskOf(userId).ringDevices({
          callId,
          userId,
          direction,
          from,
          to,
          expiresAt,
        })
        arrived(rung)
        if (rung.ok)
          host.tell({ type: 'desk.rang', number: task.number, devices: rung.value.devices })
        return
      }
      case 'desk.stop': {
        const state = host.state()
        if (state === undefined) return
        // It may ring there anew by now.
        if (state.ring?.userId === task.userId) return
        const { userId, status } = task
        const callId = state.details.id
        return arrived(await deskOf(userId).stopRing({ callId, userId, status }))
      }
    }
  }

  return {
    delivery: 'confirmed',
    batchSize: 20,
    send: (rows) => eachRow(rows, carryOut),
  }
}

/** @throws Error where the other side may take it another time */
export function arrived(answer: { ok: true } | { ok: false; error: { code: string } }): void {
  if (answer.ok) return
  const { code } = answer.error
  if (code === 'overloaded' || code === 'storage_full') throw new Error(`It answered ${code}`)
}
