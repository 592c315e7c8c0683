import type { Instruction } from '@menagerie/durable-objects/call-room'
import {
  voiceStatusUrl,
  voiceUrl,
  xmlAttributes,
  xmlText,
} from '@menagerie/durable-objects/carriers'

const declaration = '<?xml version="1.0" encoding="UTF-8"?>'
/** As long as any call may last: the room ends it earlier. */
const LONGEST_CALL_SECONDS = 14_400
/** Twilio reads out no more at once. */
const LONGEST_SAY_CHARACTERS = 4096
const E164 = /^\+[1-9]\d{6,14}$/

const longPause = `<Pause length="${LONGEST_CALL_SECONDS}"/>`

/** Where the answers of a call's verbs go. */
export interface TwimlAddress {
  publicUrl: string
  callId: string
  /** Which of the room's calls, where that is not the first. */
  leg?: string | undefined
}

/**
 * TwiML for what the carrier shall do with an answered call (twilio.com/docs/voice/twiml). A document that comes to its
 * end would end the call: only an instruction to hang up does.
 */
export function twiml(instructions: readonly Instruction[], address: TwimlAddress): string {
  const last = instructions.at(-1)?.type
  const open = last === 'hangup' || last === 'wait' ? '' : longPause
  return `${declaration}<Response>${instructions.map((one) => verb(one, address)).join('')}${open}</Response>`
}

function verb(instruction: Instruction, address: TwimlAddress): string {
  switch (instruction.type) {
    case 'say':
      return `<Say${xmlAttributes({ language: instruction.language })}>${xmlText(spoken(instruction.text))}</Say>`
    case 'dial-number': {
      const { number, callerId } = instruction
      // What is no number of ours, Twilio would refuse to show; it shows who calls then.
      const shown = { callerId: E164.test(callerId) ? callerId : undefined }
      // The end of it comes to the action; that somebody answered comes here.
      const told = xmlAttributes({
        statusCallback: voiceStatusUrl(address.publicUrl, {
          callId: address.callId,
          participant: instruction.participantId,
        }),
        statusCallbackEvent: 'answered',
        statusCallbackMethod: 'POST',
      })
      return dial(instruction, address, shown, `<Number${told}>${xmlText(number)}</Number>`)
    }
    case 'dial-user':
      return dial(instruction, address, {}, `<Client>${xmlText(instruction.userId)}</Client>`)
    case 'wait':
      return longPause
    case 'enqueue':
      // The carrier plays its music; a redirect takes the call out again, and a queue of Twilio's that is full is silence.
      return `<Enqueue>${xmlText(instruction.queueId)}</Enqueue>`
    case 'conference': {
      const action = voiceUrl(address.publicUrl, { callId: address.callId, leg: address.leg })
      // Whoever comes first waits for the other; nobody is counted in or out.
      const room = xmlAttributes({
        beep: 'false',
        startConferenceOnEnter: 'true',
        endConferenceOnExit: String(instruction.ends),
      })
      return `<Dial${xmlAttributes({ action, method: 'POST' })}><Conference${room}>${xmlText(instruction.name)}</Conference></Dial>`
    }
    case 'digits':
      return `<Play${xmlAttributes({ digits: instruction.digits })}/>`
    case 'hangup':
      return '<Hangup/>'
  }
}

function dial(
  { participantId, timeoutSeconds }: { participantId: string; timeoutSeconds: number },
  { publicUrl, callId, leg }: TwimlAddress,
  more: Record<string, string | undefined>,
  target: string,
): string {
  const action = voiceUrl(publicUrl, { callId, leg, participant: participantId })
  // Twilio takes 5 to 600 seconds.
  const timeout = String(Math.min(600, Math.max(5, Math.round(timeoutSeconds))))
  return `<Dial${xmlAttributes({ action, method: 'POST', timeout, ...more })}>${target}</Dial>`
}

/** Cut where the carrier would, and never inside a character. */
function spoken(text: string): string {
  if (text.length <= LONGEST_SAY_CHARACTERS) return text
  return text.slice(0, LONGEST_SAY_CHARACTERS).replace(/[\uD800-\uDBFF]$/, '')
}
