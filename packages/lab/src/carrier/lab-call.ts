/** The words of Twilio's Voice API for where a call stands. */
export type LabStatus =
  | 'queued'
  | 'initiated'
  | 'ringing'
  | 'in-progress'
  | 'completed'
  | 'busy'
  | 'failed'
  | 'no-answer'
  | 'canceled'

/** A webhook that has not arrived yet. */
export interface Delivery {
  url: string
  /** What is posted, in the form's order. */
  form: [string, string][]
  attempts: number
  /** Milliseconds since the epoch. */
  dueAt: number
  firstAt: number
  /** `voice` asks what to do with an answered call; `status` tells. */
  kind: 'voice' | 'status'
}

/** A call at the carrier. Times are milliseconds since the epoch. */
export interface LabCall {
  sid: string
  to: string
  from: string
  status: LabStatus
  createdAt: number
  answeredAt: number | null
  endedAt: number | null
  /** Asked for by the customer, seconds. */
  timeoutSeconds: number
  voiceUrl: string
  statusUrl: string | null
  /** Which of `initiated ringing answered completed` the customer wants to hear of. */
  statusEvents: string[]
  /** The customer's token of the request that made the call. */
  idempotencyToken: string | null
  /** Index of the person's next act. */
  act: number
  /** When it happens. */
  actAt: number | null
  sequence: number
  deliveries: Delivery[]
  /** Answers of the customer to webhooks, newest last, for the page. */
  told: { status: string; answer: string; at: number }[]
}

const ended: ReadonlySet<LabStatus> = new Set([
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
])

export const hasEnded = (call: LabCall): boolean => ended.has(call.status)
