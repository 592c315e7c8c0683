/** What the supervisor sees, once a second. */
export interface Situation {
  now: number
  connected: boolean
  parked: boolean
  /** Messages taken and not acknowledged. */
  inFlight: number
  /** See `UplinkStatus`. */
  failingSince: number | undefined
  progressAt: number
  /** All wait for a device whose twin fails: the connection is not at fault. */
  isBlocked: boolean
  keepaliveMs: number
}

export type Verdict =
  | { do: 'nothing' }
  /** Leave the broker until the edge answers: back-pressure would let the keepalive run out (MQTT 5 §3.1.2.10). */
  | { do: 'park' }
  /** Messages wait, the edge is not to blame and nothing moves: begin anew. */
  | { do: 'reconnect' }

/** Without progress for so long, something is stuck. */
const STUCK_MS = 30_000

/** Pure: what to do about the broker connection. */
export function judge(situation: Situation): Verdict {
  const { now, connected, parked, inFlight, failingSince, progressAt, keepaliveMs } = situation
  if (parked) return { do: 'nothing' }
  if (connected && failingSince !== undefined && now - failingSince > keepaliveMs / 2) {
    return { do: 'park' }
  }
  const mayBeStuck = connected && failingSince === undefined && !situation.isBlocked && inFlight > 0
  if (mayBeStuck && now - progressAt > STUCK_MS) return { do: 'reconnect' }
  return { do: 'nothing' }
}
