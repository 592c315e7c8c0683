export { CallRoom } from './call-room.ts'
export type {
  AgentAcceptance,
  CallCommand,
  CarrierReport,
  CarrierStatus,
  DialOutcome,
} from './call-types.ts'
export { carrierStatuses } from './call-types.ts'
export { voicePath, voiceStatusPath } from './carriers/twilio-addresses.ts'
export type { Instruction } from './instructions.ts'
export type * from './room-types.ts'
