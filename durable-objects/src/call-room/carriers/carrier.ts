import type { CarrierReport } from '../call-inputs.ts'

/** What a carrier needs to dial. */
export interface PlaceCall {
  /** The room's call: in the callbacks' query and, with the leg, in the token that makes a repeat recognisable. */
  callId: string
  /** Which of the room's calls, where that is not the first. */
  leg?: string
  /** E.164. */
  to: string
  /** E.164. */
  from: string
  /** How long the phone rings before the carrier gives up by itself. */
  ringTimeoutSeconds: number
  record: boolean
}

/**
 * What became of an order to dial. `unsure`: the request may or may not have arrived, so it must not be sent again
 * before `find` has looked.
 */
export type Placed =
  | { outcome: 'placed'; callSid: string }
  | { outcome: 'refused'; detail: string }
  | { outcome: 'busy'; retryAfterSeconds: number }
  | { outcome: 'unsure'; detail: string }

/** `unsure`: there are calls that may be the one that was asked for. */
export type Found =
  | { outcome: 'found'; callSid: string }
  | { outcome: 'none' }
  | { outcome: 'unsure' }

/**
 * What became of an order to press keys. `refused`: the call is not one that keys can be pressed in. `unsure`: the
 * keys may have been pressed, so that sending them again could press them twice.
 */
export type Pressed = 'sent' | 'refused' | 'unsure'

/** A telephone carrier, as far as a room orders it about. What the carrier tells comes in as webhooks. */
export interface Carrier {
  place(call: PlaceCall): Promise<Placed>
  /** Looks for a call that an order since `since` (milliseconds) may have made. Throws when the carrier is away. */
  find(call: PlaceCall, since: number): Promise<Found>
  /** The carrier's call as it is now; `undefined` when the carrier does not know it. Throws when it is away. */
  fetch(callSid: string): Promise<CarrierReport | undefined>
  /** Ends a call; one that has ended or is unknown is no error. Throws when the carrier is away. */
  hangUp(callSid: string): Promise<void>
  /**
   * Has a call that is under way ask again what it shall do; one that has ended or is unknown is no error. Throws when
   * the carrier is away, or has not come to the call's beginning yet. Asking twice is as good as once.
   *
   * @param callId the room's, for the address that is asked
   * @param leg which of the room's calls, where that is not the first
   */
  redirect(callSid: string, callId: string, leg?: string): Promise<void>
  /**
   * Presses keys towards the other side of a call, which asks again what it shall do afterwards. Throws when the
   * carrier is away and nothing was pressed.
   *
   * @param digits of `0-9 A-D * #`, and `w` for half a second
   */
  digits(callSid: string, callId: string, digits: string): Promise<Pressed>
}

/** The carrier did not answer, or not with sense: try again later. */
export class CarrierAway extends Error {
  override name = 'CarrierAway'
  /** How long the carrier asked us to wait, where it did. */
  readonly retryAfterSeconds: number | undefined

  constructor(message: string, options: ErrorOptions & { retryAfterSeconds?: number } = {}) {
    super(message, options)
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
