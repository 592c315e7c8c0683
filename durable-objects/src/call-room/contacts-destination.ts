import type { ContactQueue, ContactQueueApi } from '../contact-queue/index.ts'
import type { Destination } from '../journal/index.ts'
import type { RoomTask } from './call-outputs.ts'
import { arrived, type RoomTaskHost } from './desk-destination.ts'
import { eachRow } from './each-row.ts'

type ContactTask = Extract<RoomTask, { type: `queue.${string}` }>

/** The queues that a call waits in. */
export const contactsDestination = (
  queues: DurableObjectNamespace<ContactQueue>,
  host: RoomTaskHost,
): Destination => {
  const queueOf = (queueId: string) =>
    queues.getByName(queueId) as DurableObjectStub & ContactQueueApi

  async function carryOut(task: ContactTask): Promise<void> {
    switch (task.type) {
      case 'queue.offer': {
        const { contact } = host.state() ?? {}
        // Withdrawn in the meantime: an offer that comes after its withdrawal would wait for ever.
        if (contact?.offer !== task.contact.offer || !contact.waits) return
        const offered = await queueOf(task.queueId).offer(task.contact)
        arrived(offered)
        if (!offered.ok) host.tell({ type: 'queue.missing', offer: task.contact.offer })
        return
      }
      case 'queue.withdraw':
        return arrived(await queueOf(task.queueId).withdraw(task.contact))
    }
  }

  return {
    delivery: 'confirmed',
    batchSize: 20,
    send: (rows) => eachRow(rows, carryOut),
  }
}
