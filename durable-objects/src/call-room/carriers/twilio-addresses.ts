/** Paths of the callbacks; the signature covers them as they are handed out here. */
export const voicePath = '/webhooks/twilio/voice'
export const voiceStatusPath = '/webhooks/twilio/voice-status'

export interface Callback {
  /** The room's. */
  callId: string
  /** Whose dialling the carrier tells the end of. */
  participant?: string
  /** Which of the room's calls at the carrier, where that is not the first. */
  leg?: string | undefined
}

/**
 * Where the carrier asks what a call shall do.
 *
 * @param publicUrl where the carrier reaches us
 */
export const voiceUrl = (publicUrl: string, callback: Callback): string =>
  address(publicUrl, voicePath, callback)

/** Where the carrier tells how a call stands. */
export const voiceStatusUrl = (publicUrl: string, callback: Callback): string =>
  address(publicUrl, voiceStatusPath, callback)

/** TwiML that presses keys, and then asks at that address what comes next. */
export const digitsTwiml = (digits: string, next: string): string =>
  `<Response><Play${xmlAttributes({ digits })}/><Redirect method="POST">${xmlText(next)}</Redirect></Response>`

function address(publicUrl: string, path: string, { callId, participant, leg }: Callback): string {
  // Ids of calls, legs and participants need no escapes, so that everybody signs the same bytes.
  const query = new URLSearchParams({
    callId,
    ...(leg ? { leg } : {}),
    ...(participant ? { participant } : {}),
  })
  return `${publicUrl.replace(/\/$/, '')}${path}?${query}`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const toEntity = (char: string): string => escapes[char] ?? char

// What XML 1.0 §2.2 cannot say at all, half pairs included, is left out.
const unsayable = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu

/** Any text, as the content of an XML element. */
export const xmlText = (text: string): string =>
  text.replaceAll(unsayable, '').replaceAll(/[&<>]/g, toEntity)

/** Attributes of an XML element, each with a space before it; those without a value are left out. */
export const xmlAttributes = (values: Readonly<Record<string, string | undefined>>): string =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined)
    .map(([name, value = '']) => ` ${name}="${xmlText(value).replaceAll('"', toEntity)}"`)
    .join('')
