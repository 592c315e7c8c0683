import { z } from '@hono/zod-openapi'
import { declare, type RoutePolicy } from './declare.ts'

const carrier = {
  service: 'communications',
  access: 'signature',
  rateLimit: 'webhook',
  errors: [
    'invalid_signature',
    'not_found',
    'validation_failed',
    'unsupported_media_type',
    'payload_too_large',
  ],
} as const satisfies RoutePolicy

/** Carriers send form fields of their own; unknown ones are ignored. */
const form = {
  body: {
    required: true,
    content: {
      'application/x-www-form-urlencoded': {
        schema: z.looseObject({ CallSid: z.string().optional() }),
      },
    },
  },
} as const

const query = z.looseObject({ callId: z.string().optional() })

export const webhooks = {
  voice: declare(carrier, {
    method: 'post',
    path: '/webhooks/twilio/voice',
    summary: 'The carrier asks what an answered call shall do (TwiML)',
    request: { query, ...form },
    responses: { 200: { description: 'TwiML', content: { 'text/xml': { schema: z.string() } } } },
  }),
  voiceStatus: declare(carrier, {
    method: 'post',
    path: '/webhooks/twilio/voice-status',
    summary: 'The carrier tells how a call stands',
    request: { query, ...form },
    responses: { 204: { description: 'Kept' } },
  }),
  message: declare(carrier, {
    method: 'post',
    path: '/webhooks/twilio/message',
    summary: 'A message came in at the carrier (TwiML)',
    request: form,
    responses: { 200: { description: 'TwiML', content: { 'text/xml': { schema: z.string() } } } },
  }),
  messageStatus: declare(carrier, {
    method: 'post',
    path: '/webhooks/twilio/message-status',
    summary: 'The carrier tells how a message stands',
    request: { query: z.looseObject({ conversationId: z.string().optional() }), ...form },
    responses: { 204: { description: 'Kept' } },
  }),
} as const
