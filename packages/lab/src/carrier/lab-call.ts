import type { Dial, Verb } from './twiml.ts'

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
  /** Sent when it is due, whatever waits before it. */
  loose?: boolean
  /** A second copy, whose answer nobody reads. */
  again?: boolean
  /** Which of the call's questions it asks: an answer to an earlier one comes too late. */
  question?: number
}

/** A phone or a browser that a call's document has dialled. Times are milliseconds since the epoch. */
export interface LabDial extends Dial {
  sid: string
  /** Index of the dialled person's next act. */
  act: number
  actAt: number | null
  timeoutAt: number
  answeredAt: number | null
}

/** A call at the carrier. Times are milliseconds since the epoch. */
export interface LabCall {
  sid: string
  direction: 'outbound-api' | 'inbound'
  to: string
  from: string
  status: LabStatus
  createdAt: number
  answeredAt: number | null
  endedAt: number | null
  /** Asked for by the customer, seconds. */
  timeoutSeconds: number
  /** Asked what to do once the call is answered; `null` where the customer said it at once. */
  voiceUrl: string | null
  statusUrl: string | null
  /** Which of `initiated ringing answered completed` the customer wants to hear of. */
  statusEvents: string[]
  /** The customer's token of the request that made the call. */
  idempotencyToken: string | null
  /** Index of the person's next act. */
  act: number
  /** When it happens. */
  actAt: number | null
  /** What is left of the customer's document; the call does none of it while a question is open. */
  script: Verb[]
  /** How long the present verb lasts; `null` when it is time for the next one, or none has begun. */
  verbUntil: number | null
  dial: LabDial | null
  /** How often the customer was asked what to do, and whether an answer is awaited. */
  questions: number
  asking: boolean
  /** When the document is to be gone on with. */
  scriptAt: number | null
  /** The keys that were pressed towards the phone. */
  heard: string
  sequence: number
  deliveries: Delivery[]
  /** Answers of the customer to webhooks, newest last, for the page. */
  told: { status: string; answer: string; at: number }[]
}

type Fresh = Omit<
  LabCall,
  | 'sid'
  | 'to'
  | 'from'
  | 'createdAt'
  | 'timeoutSeconds'
  | 'voiceUrl'
  | 'statusUrl'
  | 'statusEvents'
  | 'idempotencyToken'
>

/** What every call begins with. */
export const freshCall = (): Fresh => ({
  direction: 'outbound-api',
  status: 'queued',
  answeredAt: null,
  endedAt: null,
  act: 0,
  actAt: null,
  script: [],
  verbUntil: null,
  dial: null,
  questions: 0,
  asking: false,
  scriptAt: null,
  heard: '',
  sequence: 0,
  deliveries: [],
  told: [],
})

const ended: ReadonlySet<LabStatus> = new Set([
  'completed',
  'busy',
  'failed',
  'no-answer',
  'canceled',
])

export const hasEnded = (call: LabCall): boolean => ended.has(call.status)
