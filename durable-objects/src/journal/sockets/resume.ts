/** Where a socket starts: the number after which it gets events, and whether that is where it asked to go on. */
export interface Start {
  cursor: number
  resumed: boolean
}

/**
 * Contract §4. Without a number, a socket goes on from the head. So does one whose number is older than what is kept,
 * or newer than the head (it knows another history): it gets the snapshot instead.
 */
export function startAt(askedSeq: number | undefined, base: number, head: number): Start {
  if (askedSeq === undefined || askedSeq < base || askedSeq > head)
    return { cursor: head, resumed: false }
  return { cursor: askedSeq, resumed: true }
}
