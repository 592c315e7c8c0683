import { describe, expect, test } from 'vitest'
import { readInboundForm, readMessageStatusForm } from '../src/carriers/twilio/messages.ts'

const inbound = (fields: Record<string, string>) =>
  readInboundForm(
    new URLSearchParams({
      MessageSid: 'SM1',
      From: '+12025550101',
      To: '+12025550100',
      Body: 'hi',
      ...fields,
    }),
  )

describe('a message that came in', () => {
  test('is read with its channel taken off the addresses', () => {
    expect(inbound({ From: 'whatsapp:+12025550101', To: 'whatsapp:+12025550100' })).toEqual({
      ok: true,
      value: {
        sid: 'SM1',
        channel: 'whatsapp',
        from: '+12025550101',
        to: '+12025550100',
        body: 'hi',
        mediaUrls: [],
      },
    })
  })

  test('brings as many media as it says, and only addresses', () => {
    const media = { NumMedia: '3', MediaUrl0: 'https://a.example/1', MediaUrl1: 'nothing' }
    expect(inbound({ ...media, MediaUrl3: 'https://a.example/3' })).toMatchObject({
      value: { mediaUrls: ['https://a.example/1'] },
    })
  })

  test('may come from a short code', () => {
    expect(inbound({ From: '22395' })).toMatchObject({ value: { from: '22395', channel: 'sms' } })
  })

  test.each([
    { MessageSid: '' },
    { From: 'messenger:123' },
    { From: '' },
    { Body: 'x'.repeat(10_001) },
  ])('with %j is none', (fields) =>
    expect(inbound(fields as unknown as Record<string, string>).ok).toBe(false),
  )
})

describe('a status callback', () => {
  const status = (fields: Record<string, string>) =>
    readMessageStatusForm(new URLSearchParams({ MessageSid: 'SM1', ...fields }))

  test.each([
    [{ MessageStatus: 'sent' }, { status: 'sent', reason: null }],
    [{ SmsStatus: 'delivered' }, { status: 'delivered', reason: null }],
    [
      { MessageStatus: 'undelivered', ErrorCode: '30003' },
      { status: 'failed', reason: 'carrier_30003' },
    ],
    [{ MessageStatus: 'failed' }, { status: 'failed', reason: 'carrier_failed' }],
  ])('%j', (fields, report) =>
    expect(status(fields as Record<string, string>)).toEqual({
      ok: true,
      value: { sid: 'SM1', ...report },
    }),
  )

  test('with a word that Twilio does not have is none', () => {
    expect(status({ MessageStatus: 'danced' }).ok).toBe(false)
    expect(status({}).ok).toBe(false)
  })
})
