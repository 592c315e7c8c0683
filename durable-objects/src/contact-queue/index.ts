export { ContactQueue } from './contact-queue.ts'
export { type ProjectedQueue, queueStatement } from './queue-projection.ts'
export type * from './queue-types.ts'
