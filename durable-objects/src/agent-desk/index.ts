export { userOfTicket } from '../mailbox/ticket-address.ts'
export { AgentDesk } from './agent-desk.ts'
export type * from './desk-types.ts'
