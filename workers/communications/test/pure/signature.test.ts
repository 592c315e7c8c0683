import fc from 'fast-check'
import twilio from 'twilio'
import { getExpectedBodyHash } from 'twilio/lib/webhooks/webhooks.js'
import { describe, expect, test } from 'vitest'
import { isBodyOf, isSignedByTwilio, twilioSignature } from '../../src/carriers/twilio/signature.ts'
import { readForm, readJson } from '../../src/carriers/twilio/signed-form.ts'

const token = 'a-carrier-token-for-tests-only'
const older = 'the-carrier-token-before-that-one'
const url =
  'https://calls.example.com/webhooks/twilio/voice-status?callId=019aa5b8-7c00-7000-8000-000000000001&participant=p2'

const encode = (text: string) => Uint8Array.from(Buffer.from(text))

const isSigned = (form: URLSearchParams, signature: string | undefined, at = url) =>
  isSignedByTwilio([token], { url: at, form, signature })

const name = fc.stringMatching(/^[A-Za-z]{1,12}$/)
const value = fc.string({ unit: 'grapheme', maxLength: 40 })
const fields = fc.dictionary(name, value, { maxKeys: 12 })

describe("Twilio's own package", () => {
  test('signs what we accept, and accepts what we sign', async () => {
    await fc.assert(
      fc.asyncProperty(fields, async (form) => {
        const params = new URLSearchParams(form)
        const theirs = twilio.getExpectedTwilioSignature(token, url, Object.fromEntries(params))
        expect(await isSigned(params, theirs)).toBe(true)
        const ours = await twilioSignature(token, url, params)
        expect(twilio.validateRequest(token, ours, url, Object.fromEntries(params))).toBe(true)
      }),
    )
  })

  test('counts equal values of one name once, as we do', async () => {
    const form = new URLSearchParams('Event=ringing&Event=answered&Event=ringing')
    const params = { Event: ['ringing', 'answered', 'ringing'] as unknown as string }
    const theirs = twilio.getExpectedTwilioSignature(token, url, params)
    expect(await isSigned(form, theirs)).toBe(true)
  })

  test('signs JSON bodies by their hash in the address', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json({ maxDepth: 2 }), async (body) => {
        const at = `${url}&bodySHA256=${getExpectedBodyHash(body)}`
        const signature = twilio.getExpectedTwilioSignature(token, at, {})
        expect(twilio.validateRequestWithBody(token, signature, at, body)).toBe(true)
        expect(await isSigned(new URLSearchParams(), signature, at)).toBe(true)
        expect(await isBodyOf(at, encode(body))).toBe(true)
        expect(await isBodyOf(at, encode(`${body} `))).toBe(false)
        expect(await isBodyOf(url, encode(body))).toBe(false)
      }),
      { numRuns: 30 },
    )
  })

  test('and we take the same forms of one address', async () => {
    const form = new URLSearchParams({ CallSid: 'CA1' })
    const path = '/webhooks/twilio/voice'
    const cases = [
      // With and without the standard port, whichever side sees it.
      [`https://calls.example.com:443${path}`, `https://calls.example.com${path}`],
      [`http://calls.example.com:80${path}`, `http://calls.example.com${path}`],
      [`https://calls.example.com${path}`, `https://calls.example.com:8443${path}`],
      // A query with characters escaped, or not.
      [
        `https://calls.example.com${path}?site=Bob's`,
        `https://calls.example.com${path}?site=Bob%27s`,
      ],
      [
        `https://calls.example.com${path}?site=Bob%27s`,
        `https://calls.example.com${path}?site=Bob's`,
      ],
      [`https://calls.example.com${path}?a=%40b`, `https://calls.example.com${path}?a=@b`],
    ] as const
    for (const [signed, seen] of cases) {
      const signature = twilio.getExpectedTwilioSignature(token, signed, { CallSid: 'CA1' })
      expect([seen, twilio.validateRequest(token, signature, seen, { CallSid: 'CA1' })]).toEqual([
        seen,
        true,
      ])
      expect([seen, await isSigned(form, signature, seen)]).toEqual([seen, true])
    }
  })
})

test('while the token is changed, the one before is taken too, and no other', async () => {
  const form = new URLSearchParams({ CallSid: 'CA1' })
  const signedBy = async (authToken: string) => ({
    url,
    form,
    signature: await twilioSignature(authToken, url, form),
  })
  expect(await isSignedByTwilio([token, older], await signedBy(older))).toBe(true)
  expect(await isSignedByTwilio([token, older], await signedBy(token))).toBe(true)
  expect(await isSignedByTwilio([token], await signedBy(older))).toBe(false)
  expect(await isSigned(form, undefined)).toBe(false)
  expect(await isSigned(form, '')).toBe(false)
})

/** One byte of a text replaced, left out or put in. */
const change = fc.record({
  at: fc.nat(),
  byte: fc.integer({ min: 0, max: 255 }),
  kind: fc.constantFrom('replace', 'remove', 'insert'),
})
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

function changed(text: string, { at, byte, kind }: Change): string {
  const place = at % Math.max(1, text.length)
  const put = kind === 'remove' ? '' : String.fromCharCode(byte)
  return text.slice(0, place) + put + text.slice(kind === 'insert' ? place : place + 1)
}

const bytesOf = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0))

describe('every change of a single byte of a signed request is refused', () => {
  const form = fc
    .dictionary(name, value, { minKeys: 1, maxKeys: 8 })
    .map((values) => new URLSearchParams(values))

  test('in the address', async () => {
    await fc.assert(
      fc.asyncProperty(form, change, async (params, how) => {
        const signature = await twilioSignature(token, url, params)
        const other = changed(url, how)
        fc.pre(other !== url)
        expect(await isSigned(params, signature, other)).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  test('in a name or a value, as they are sent', async () => {
    await fc.assert(
      fc.asyncProperty(form, change, async (params, how) => {
        const body = params.toString()
        const other = changed(body, how)
        fc.pre(other !== body)
        const signature = await twilioSignature(token, url, params)
        expect(await isSigned(readForm(bytesOf(body)) ?? params, signature)).toBe(true)
        const read = readForm(bytesOf(other))
        expect(read !== undefined && (await isSigned(read, signature))).toBe(false)
      }),
      { numRuns: 3_000 },
    )
  })

  test('in a JSON body, also where it reads as the same text', async () => {
    const body = encode('{"CallSid":"CA1","Caller":"\uFFFD"}')
    const at = `${url}&bodySHA256=${getExpectedBodyHash(new TextDecoder().decode(body))}`
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
    const others = [...body.keys()].flatMap((place) => [
      Uint8Array.from([...body].toSpliced(place, 1)),
      Uint8Array.from([...body].toSpliced(place, 0, 0x20)),
      body.with(place, (body[place] ?? 0) ^ 0x80),
    ])
    for (const other of others) expect(await isBodyOf(at, other)).toBe(false)
    const marked = Uint8Array.from([0xef, 0xbb, 0xbf, ...body])
    expect([text(marked) === text(body), await isBodyOf(at, marked)]).toEqual([true, false])
  })

  test('in the signature', async () => {
    await fc.assert(
      fc.asyncProperty(form, change, async (params, how) => {
        const signature = await twilioSignature(token, url, params)
        const other = changed(signature, how)
        fc.pre(other !== signature)
        expect(await isSigned(params, other)).toBe(false)
      }),
      { numRuns: 1_000 },
    )
  })

  test('at every place of a whole status webhook, to every byte', async () => {
    const params = new URLSearchParams({
      CallSid: `CA${'1'.repeat(32)}`,
      CallStatus: 'completed',
      From: '+12025550100',
      To: '+12025550101',
      Timestamp: 'Sun, 22 Nov 2026 10:00:00 +0000',
    })
    const signature = await twilioSignature(token, url, params)
    const body = params.toString()
    expect(readForm(bytesOf(body))?.toString()).toBe(body)
    let accepted = 0
    for (let at = 0; at < body.length; at++)
      for (let byte = 0; byte < 256; byte++)
        for (const kind of ['replace', 'remove', 'insert'] as const) {
          if (kind === 'remove' && byte > 0) continue
          const other = changed(body, { at, byte, kind })
          const read = other === body ? undefined : readForm(bytesOf(other))
          // What reads as other names or values has another text to sign; that needs no HMAC to see.
          if (read !== undefined && textOf(read) === textOf(params)) accepted += 1
        }
    expect(accepted).toBe(0)
    expect(await isSigned(params, signature)).toBe(true)
  })
})

/** What is signed of a form. */
const textOf = (form: URLSearchParams): string =>
  [...new Set(form.keys())]
    .sort()
    .flatMap((key) => [...new Set(form.getAll(key))].sort().map((one) => key + one))
    .join('')

test('JSON is read as fields where it is an object', () => {
  const read = readJson('{"CallSid":"CA1","SequenceNumber":2,"Extra":{"a":1},"Nothing":null}')
  expect(Object.fromEntries(read ?? [])).toEqual({ CallSid: 'CA1', SequenceNumber: '2' })
  for (const text of ['', '[]', 'null', '"a"', '{'] as const) expect(readJson(text)).toBeUndefined()
})
