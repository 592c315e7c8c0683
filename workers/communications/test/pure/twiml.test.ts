import type { Instruction } from '@menagerie/durable-objects/call-room'
import fc from 'fast-check'
import twilio from 'twilio'
import { expect, test } from 'vitest'
import { twiml } from '../../src/carriers/twilio/twiml.ts'

const callId = '019aa5b8-7c00-7000-8000-000000000001'
const address = { publicUrl: 'https://calls.example.com/', callId }
const voice = `https://calls.example.com/webhooks/twilio/voice?callId=${callId}`
const status = `https://calls.example.com/webhooks/twilio/voice-status?callId=${callId}`
const queueId = '019aa5b8-7c00-7000-8000-00000000000a'
const longest = 14_400

const { VoiceResponse } = twilio.twiml
type Response = InstanceType<typeof VoiceResponse>
/** What Twilio's own package renders. */
function theirs(build: (response: Response) => void): string {
  const response = new VoiceResponse()
  build(response)
  return response.toString()
}

const cases: [string, Instruction[], (response: Response) => void][] = [
  [
    'says and hangs up',
    [{ type: 'say', text: 'Grüße <b>&amp; "mehr"', language: 'de-DE' }, { type: 'hangup' }],
    (response) => {
      response.say({ language: 'de-DE' }, 'Grüße <b>&amp; "mehr"')
      response.hangup()
    },
  ],
  ['waits', [{ type: 'wait' }], (response) => response.pause({ length: longest })],
  [
    'keeps the line open where nothing is said',
    [],
    (response) => response.pause({ length: longest }),
  ],
  [
    'keeps the line open after what was said',
    [{ type: 'say', text: 'One moment' }],
    (response) => {
      response.say('One moment')
      response.pause({ length: longest })
    },
  ],
  [
    'dials a number, shows a number of ours, and asks what came of it',
    [
      {
        type: 'dial-number',
        number: '+12025550102',
        callerId: '+12025550100',
        timeoutSeconds: 25,
        participantId: 'p3',
      },
    ],
    (response) => {
      response
        .dial({
          action: `${voice}&participant=p3`,
          method: 'POST',
          timeout: 25,
          callerId: '+12025550100',
        })
        .number(
          {
            statusCallback: `${status}&participant=p3`,
            statusCallbackEvent: ['answered'],
            statusCallbackMethod: 'POST',
          },
          '+12025550102',
        )
      response.pause({ length: longest })
    },
  ],
  [
    "dials somebody's browser, within Twilio's limits",
    [{ type: 'dial-user', userId: queueId, participantId: 'p1', timeoutSeconds: 1 }],
    (response) => {
      response
        .dial({ action: `${voice}&participant=p1`, method: 'POST', timeout: 5 })
        .client(queueId)
      response.pause({ length: longest })
    },
  ],
  [
    'queues',
    [{ type: 'enqueue', queueId }],
    (response) => {
      response.enqueue(queueId)
      response.pause({ length: longest })
    },
  ],
  [
    'joins it with another call, whose part is over with it',
    [{ type: 'conference', name: queueId, ends: true }],
    (response) => {
      response
        .dial({ action: voice, method: 'POST' })
        .conference(
          { beep: 'false', startConferenceOnEnter: true, endConferenceOnExit: true },
          queueId,
        )
      response.pause({ length: longest })
    },
  ],
  [
    'presses keys',
    [{ type: 'digits', digits: '12w#' }],
    (response) => {
      response.play({ digits: '12w#' })
      response.pause({ length: longest })
    },
  ],
]

test.each(cases)("%s, letter for letter as Twilio's own package", (_, instructions, build) => {
  expect(twiml(instructions, address)).toBe(theirs(build))
})

test('a caller without a number is not shown as one', () => {
  const [xml] = [
    twiml(
      [
        {
          type: 'dial-number',
          number: '+12025550102',
          callerId: 'anonymous',
          timeoutSeconds: 20,
          participantId: 'p3',
        },
      ],
      address,
    ),
  ]
  expect(xml).not.toContain('callerId')
})

test('any text is escaped: what is said is never markup, and what XML cannot say is left out', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const xml = twiml([{ type: 'say', text }, { type: 'hangup' }], address)
      const said = /^<\?xml[^>]+><Response><Say>([^<>]*)<\/Say><Hangup\/><\/Response>$/.exec(xml)
      expect(said).not.toBeNull()
      const sayable = (char: string) => char >= ' ' || '\t\n\r'.includes(char)
      expect([...(said?.[1] ?? '')].every(sayable)).toBe(true)
      expect(said?.[1]?.isWellFormed()).toBe(true)
    }),
  )
})

test('Twilio reads 4,096 characters at once: the rest is cut, between characters', () => {
  const xml = twiml([{ type: 'say', text: `${'a'.repeat(4095)}😀😀` }], address)
  expect(xml).toContain(`<Say>${'a'.repeat(4095)}</Say>`)
})
