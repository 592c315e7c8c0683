import type { Destination } from './types.ts'

/** A queue as an outbox destination. Local queues live in memory, so a row is sent again under another `BOOT_ID`. */
export const queueDestination = (queue: Queue): Destination => ({
  delivery: 'resend',
  batchSize: 100,
  async send(rows) {
    await queue.sendBatch(rows.map(({ body }) => ({ body })))
  },
})
