/** A message that the edge has not confirmed yet. */
export interface Waiting {
  seq: number
  topic: string
  body: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch; `null` when it has to go out at once. */
  sentAt: number | null
}

/** The numbered messages of a device, in order, until `acks` confirms them (contract §5). */
export interface Outbox {
  /** Names this numbering; larger for each new one. */
  readonly epoch: number
  readonly nextSeq: number
  readonly waiting: readonly Waiting[]
}

/** What `acks` says: all up to `ackedThrough` are stored. */
export interface Acknowledgement {
  epoch: number
  ackedThrough: number
}

/** A device with so many unconfirmed messages makes no more: what it drops would leave a gap for ever. */
export const OUTBOX_LIMIT = 1_000
/** The most that goes out at once, so that a long silence does not end in a flood. */
const WINDOW = 100

export const newOutbox = (epoch: number): Outbox => ({ epoch, nextSeq: 1, waiting: [] })

export const isFull = (outbox: Outbox, limit = OUTBOX_LIMIT): boolean =>
  outbox.waiting.length >= limit

/** Gives a message its number. */
export function put(outbox: Outbox, topic: string, body: Waiting['body']): Outbox {
  const { epoch, nextSeq: seq, waiting } = outbox
  const message = { seq, topic, body: { seq, epoch, ...body }, sentAt: null }
  return { epoch, nextSeq: seq + 1, waiting: [...waiting, message] }
}

/** Forgets what is confirmed. What is said of another numbering, or of numbers not given yet, counts for nothing. */
export function acknowledge(outbox: Outbox, { epoch, ackedThrough }: Acknowledgement): Outbox {
  if (epoch !== outbox.epoch || ackedThrough >= outbox.nextSeq) return outbox
  return { ...outbox, waiting: outbox.waiting.filter(({ seq }) => seq > ackedThrough) }
}

/** What has to go out now, oldest first: what is new, and what went out so long ago that it may be lost. */
export const due = (outbox: Outbox, now: number, resendAfterMs: number): readonly Waiting[] =>
  outbox.waiting
    .slice(0, WINDOW)
    .filter(({ sentAt }) => sentAt === null || now - sentAt >= resendAfterMs)

/** Marks what went out. */
export function markSent(outbox: Outbox, sent: readonly Waiting[], now: number): Outbox {
  const numbers = new Set(sent.map(({ seq }) => seq))
  const waiting = outbox.waiting.map((message) =>
    numbers.has(message.seq) ? { ...message, sentAt: now } : message,
  )
  return { ...outbox, waiting }
}

/** A new connection knows nothing of what went out on the one before. */
export const reconnected = (outbox: Outbox): Outbox => ({
  ...outbox,
  waiting: outbox.waiting.map((message) => ({ ...message, sentAt: null })),
})
