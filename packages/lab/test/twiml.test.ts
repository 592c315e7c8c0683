import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readTwiml } from '../src/carrier/twiml.ts'
import { FaultSettings, WebhookFaults } from '../src/carrier/webhook-faults.ts'

const base = 'https://calls.example.com/webhooks/twilio/voice?callId=1'
const read = (verbs: string) => readTwiml(`<Response>${verbs}</Response>`, base)

test('verbs are read in their order, with what Twilio takes where a document says nothing', () => {
  expect(
    read(
      '<Say language="de">Drei &amp; zwei W&#246;rter</Say><Pause/><Pause length="3"/><Play digits="1w2"/>' +
        '<Dial>+12025550101</Dial><Enqueue>sales</Enqueue><Redirect/><Unknown/><Hangup/>',
    ),
  ).toEqual([
    { type: 'say', words: 4 },
    { type: 'pause', seconds: 1 },
    { type: 'pause', seconds: 3 },
    { type: 'play', digits: '1w2' },
    {
      type: 'dial',
      to: '+12025550101',
      kind: 'number',
      timeoutSeconds: 30,
      action: null,
      answeredUrl: null,
    },
    { type: 'stay' },
    { type: 'redirect', url: base },
    { type: 'hangup' },
  ])
})

test('addresses are relative to the document, and &amp; stands for &', () => {
  const [dial] = read(
    `<Dial action="?callId=1&amp;participant=p2" timeout="20"><Number statusCallback="/status"
      statusCallbackEvent="ringing answered"> +12025550102 </Number></Dial>`,
  )
  expect(dial).toEqual({
    type: 'dial',
    to: '+12025550102',
    kind: 'number',
    timeoutSeconds: 20,
    action: 'https://calls.example.com/webhooks/twilio/voice?callId=1&participant=p2',
    answeredUrl: 'https://calls.example.com/status',
  })
})

test('a conference is known by its name', () => {
  const [dial] = read('<Dial><Conference endConferenceOnExit="true">room</Conference></Dial>')
  expect(dial).toMatchObject({ type: 'dial', to: 'room', kind: 'conference', ends: true })
})

test.each(['', 'Hello', '<Response>', '<Other/>', '<Response><Say></Response>', '<a/><Response/>'])(
  '%j is no TwiML',
  (text) => {
    expect(() => readTwiml(text, base)).toThrow()
  },
)

test('the same seed means the same faults, in the shares that were dialled', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const fates = () => {
        const faults = new WebhookFaults()
        faults.dial(FaultSettings.parse({ loss: 0.3, reorder: 0.3, delayMs: [5, 10], seed }))
        return Array.from({ length: 400 }, () => faults.next(false))
      }
      const first = fates()
      expect(fates()).toEqual(first)
      const lost = first.filter((fate) => fate.lost).length
      expect(lost).toBeGreaterThan(60)
      expect(lost).toBeLessThan(180)
      expect(first.every(({ delayMs }) => delayMs >= 5 && delayMs <= 10)).toBe(true)
    }),
    { numRuns: 20 },
  )
})
