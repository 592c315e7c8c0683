/** Epochs a device's numbers are remembered of; the oldest is forgotten beyond it. */
export const MAX_EPOCHS = 8
/** Ranges beyond gaps that are remembered of an epoch. */
export const MAX_AHEAD = 1000

/** A message's place in its device's own numbering (contract §5). */
export interface DeviceNumber {
  /** Larger for each new numbering; 0 when the device names none. */
  epoch: number
  /** From 1, over all of the device's numbered messages. */
  seq: number
}

/** Stored numbers that lie beyond a gap, both ends included. */
export type Range = readonly [first: number, last: number]

/** What is stored of one epoch: 1 … `ackedThrough` without a gap, and ranges ahead of it, in order and apart. */
export interface EpochNumbers {
  epoch: number
  ackedThrough: number
  ahead: readonly Range[]
}

/** Newest epoch first. */
export type Numbers = readonly EpochNumbers[]

export type NumberOutcome =
  | 'new'
  | 'duplicate'
  /** Older than every remembered epoch: nobody can tell whether it was stored. */
  | 'forgotten_epoch'
  /** One gap more than is remembered; the device sends it again when it has filled some. */
  | 'too_many_gaps'

/** Whether a number comes after another in its device's own order. */
export const isAfter = (one: DeviceNumber, other: DeviceNumber): boolean =>
  one.epoch === other.epoch ? one.seq > other.seq : one.epoch > other.epoch

/** Takes a number in. The same `numbers` come back unless it is `new`. In order it costs no search. */
export function takeNumber(
  numbers: Numbers,
  { epoch, seq }: DeviceNumber,
): { numbers: Numbers; outcome: NumberOutcome } {
  const index = numbers.findIndex((known) => known.epoch <= epoch)
  const known = numbers[index]
  if (known?.epoch !== epoch) {
    const place = index === -1 ? numbers.length : index
    if (place >= MAX_EPOCHS) return { numbers, outcome: 'forgotten_epoch' }
    const fresh = add({ epoch, ackedThrough: 0, ahead: [] }, seq)
    const all = [...numbers.slice(0, place), fresh, ...numbers.slice(place)]
    return { numbers: all.slice(0, MAX_EPOCHS), outcome: 'new' }
  }
  if (isKnown(known, seq)) return { numbers, outcome: 'duplicate' }
  const next = add(known, seq)
  if (next.ahead.length > MAX_AHEAD) return { numbers, outcome: 'too_many_gaps' }
  return { numbers: numbers.with(index, next), outcome: 'new' }
}

function isKnown({ ackedThrough, ahead }: EpochNumbers, seq: number): boolean {
  return seq <= ackedThrough || ahead.some(([first, last]) => first <= seq && seq <= last)
}

/** Adds a number that is not known. */
function add(numbers: EpochNumbers, seq: number): EpochNumbers {
  const { epoch, ackedThrough, ahead } = numbers
  if (seq === ackedThrough + 1) {
    const [next] = ahead
    if (next?.[0] !== seq + 1) return { epoch, ackedThrough: seq, ahead }
    return { epoch, ackedThrough: next[1], ahead: ahead.slice(1) }
  }
  const place = ahead.findIndex(([first]) => first > seq)
  const at = place === -1 ? ahead.length : place
  const before = ahead[at - 1]
  const after = ahead[at]
  const joinsBefore = before?.[1] === seq - 1
  const joinsAfter = after?.[0] === seq + 1
  const joined: Range = [
    joinsBefore && before !== undefined ? before[0] : seq,
    joinsAfter && after !== undefined ? after[1] : seq,
  ]
  const kept = [
    ...ahead.slice(0, joinsBefore ? at - 1 : at),
    joined,
    ...ahead.slice(joinsAfter ? at + 1 : at),
  ]
  return { epoch, ackedThrough, ahead: kept }
}
