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
  /** When something was last confirmed on this connection, milliseconds since the epoch; 0 for never. */
  readonly confirmedAt: number
  /** How often all went out again since then. */
  readonly resends: number
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
const MOST_DOUBLINGS = 4

export const newOutbox = (epoch: number): Outbox => ({
  epoch,
  nextSeq: 1,
  waiting: [],
  confirmedAt: 0,
  resends: 0,
})

export const isFull = (outbox: Outbox, limit = OUTBOX_LIMIT): boolean =>
  outbox.waiting.length >= limit

/** Gives a message its number. */
export function put(outbox: Outbox, topic: string, body: Waiting['body']): Outbox {
  const { epoch, nextSeq: seq, waiting } = outbox
  const message = { seq, topic, body: { seq, epoch, ...body }, sentAt: null }
  return { ...outbox, nextSeq: seq + 1, waiting: [...waiting, message] }
}

/** Forgets what is confirmed. What is said of another numbering, or of numbers not given yet, counts for nothing. */
export function acknowledge(
  outbox: Outbox,
  { epoch, ackedThrough }: Acknowledgement,
  now: number,
): Outbox {
  if (epoch !== outbox.epoch || ackedThrough >= outbox.nextSeq) return outbox
  const waiting = outbox.waiting.filter(({ seq }) => seq > ackedThrough)
  return waiting.length === outbox.waiting.length
    ? outbox
    : { ...outbox, waiting, confirmedAt: now, resends: 0 }
}

/**
 * What has to go out now, oldest first: what is new; and all of it again where nothing was confirmed for so long, twice
 * as long each time up to 16 times. While confirmations come nothing is lost, only slow: more to do would make it slower.
 */
export function due(outbox: Outbox, now: number, resendAfterMs: number): readonly Waiting[] {
  const window = outbox.waiting.slice(0, WINDOW)
  const sentAt = window[0]?.sentAt ?? now
  const patienceMs = resendAfterMs * 2 ** Math.min(outbox.resends, MOST_DOUBLINGS)
  return now - Math.max(outbox.confirmedAt, sentAt) >= patienceMs
    ? window
    : window.filter((message) => message.sentAt === null)
}

/** Marks what went out. */
export function markSent(outbox: Outbox, sent: readonly Waiting[], now: number): Outbox {
  const numbers = new Set(sent.map(({ seq }) => seq))
  const waiting = outbox.waiting.map((message) =>
    numbers.has(message.seq) ? { ...message, sentAt: now } : message,
  )
  const again = sent.some(({ sentAt }) => sentAt !== null) ? 1 : 0
  return { ...outbox, waiting, resends: outbox.resends + again }
}

/** A new connection knows nothing of what went out on the one before. */
export const reconnected = (outbox: Outbox): Outbox => ({
  ...outbox,
  waiting: outbox.waiting.map((message) => ({ ...message, sentAt: null })),
  confirmedAt: 0,
  resends: 0,
})
