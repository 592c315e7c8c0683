import fc from 'fast-check'
import twilio from 'twilio'
import { expect, test } from 'vitest'
import { isSignedByTwilio, twilioSignature } from '../../src/carriers/twilio/signature.ts'

const token = 'a-carrier-token-for-tests-only'
const url = 'https://calls.example.com/webhooks/twilio/voice-status?callId=1'

const fields = fc.dictionary(
  fc.stringMatching(/^[A-Za-z]{1,12}$/),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  { maxKeys: 12 },
)

test("Twilio's own package signs what we accept, and accepts what we sign", async () => {
  await fc.assert(
    fc.asyncProperty(fields, async (form) => {
      const params = new URLSearchParams(form)
      const theirs = twilio.getExpectedTwilioSignature(token, url, Object.fromEntries(params))
      expect(await isSignedByTwilio(token, url, params, theirs)).toBe(true)
      const ours = await twilioSignature(token, url, params)
      expect(twilio.validateRequest(token, ours, url, Object.fromEntries(params))).toBe(true)
    }),
  )
})

test('a signature over the address with its standard port is accepted, too', async () => {
  const form = new URLSearchParams({ CallSid: 'CA1' })
  const withPort = url.replace('example.com', 'example.com:443')
  const signature = twilio.getExpectedTwilioSignature(token, withPort, { CallSid: 'CA1' })
  expect(await isSignedByTwilio(token, url, form, signature)).toBe(true)
})

test('a signature over the address without its port is accepted, too', async () => {
  const form = new URLSearchParams({ CallSid: 'CA1' })
  const withPort = url.replace('example.com', 'example.com:8443')
  const signature = twilio.getExpectedTwilioSignature(token, url, { CallSid: 'CA1' })
  expect(twilio.validateRequest(token, signature, withPort, { CallSid: 'CA1' })).toBe(true)
  expect(await isSignedByTwilio(token, withPort, form, signature)).toBe(true)
})

test('any change to address, field, value or token makes the signature wrong', async () => {
  const form = new URLSearchParams({ CallSid: 'CA1', CallStatus: 'completed' })
  const signature = await twilioSignature(token, url, form)
  const isSigned = (at: string, fields: Record<string, string>, by = token) =>
    isSignedByTwilio(by, at, new URLSearchParams(fields), signature)
  const same = Object.fromEntries(form)
  expect(await isSigned(url, same)).toBe(true)
  expect(await isSigned(`${url}0`, same)).toBe(false)
  expect(await isSigned(url, { ...same, CallStatus: 'busy' })).toBe(false)
  expect(await isSigned(url, { ...same, Extra: '' })).toBe(false)
  expect(await isSigned(url, same, 'another-token')).toBe(false)
  expect(await isSignedByTwilio(token, url, form, undefined)).toBe(false)
})
