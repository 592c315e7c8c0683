export type {
  AgentAcceptance,
  CallCommand,
  CarrierReport,
  CarrierStatus,
  DialOutcome,
} from './call-inputs.ts'
export { carrierStatuses } from './call-inputs.ts'
export { CallRoom } from './call-room.ts'
export { voicePath, voiceStatusPath } from './carriers/twilio-addresses.ts'
export type { Instruction } from './instructions.ts'
export type * from './room-types.ts'
