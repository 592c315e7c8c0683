/** How much longer than the ring timeout a carrier may say nothing of the phone ringing. */
export const CARRIER_SILENCE_MS = 5_000
/** How often the carrier is asked about a call, since the webhook that ends it may be lost. */
export const CARRIER_CHECK_MS = 120_000
/** No call is longer: with it every call ends, whatever the carrier does. Twilio's own default limit. */
export const TIME_LIMIT_MS = 4 * 60 * 60_000
/** How long a transfer's target, and whoever had the call before, are rung. */
export const TRANSFER_RING_MS = 30_000
