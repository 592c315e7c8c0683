export { userOfTicket } from '../shared/ticket-address.ts'
export { AgentDesk } from './agent-desk.ts'
export type * from './desk-types.ts'
