const declaration = '<?xml version="1.0" encoding="UTF-8"?>'
/** As long as any call may last: the room ends it earlier. */
const LONGEST_CALL_SECONDS = 14_400

/** TwiML that keeps an answered call open, or ends it when the room has. */
export const twiml = (goesOn: boolean): string =>
  goesOn
    ? `${declaration}<Response><Pause length="${LONGEST_CALL_SECONDS}"/></Response>`
    : `${declaration}<Response><Hangup/></Response>`
