import type { CallDetails } from '../../src/call-room/call-types.ts'

/** When calls of tests begin. */
export const T0 = Date.parse('2026-11-22T10:00:00Z')
export const user = (n: number): string => `019aa5b8-7c00-7000-8000-${String(n).padStart(12, '0')}`
/** Who is called. */
export const phone = '+12025550101'

/** A call from the first user to the phone. */
export const callDetails = (part: Partial<CallDetails> = {}): CallDetails => ({
  id: user(0),
  direction: 'outbound',
  from: '+12025550100',
  to: phone,
  queueId: null,
  agentId: null,
  startedBy: user(1),
  ringTimeoutSeconds: 30,
  record: false,
  metadata: {},
  createdAt: T0,
  ...part,
})
