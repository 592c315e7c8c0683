import { z } from '@hono/zod-openapi'

/** The closed list of error codes: HTTP status, and whether the same request may succeed when tried again. */
export const errorCodes = {
  malformed_json: { status: 400, title: 'Malformed JSON', retry: false },
  invalid_request: { status: 400, title: 'Invalid request', retry: false },
  invalid_grant: { status: 400, title: 'Invalid grant', retry: false },
  unauthorized: { status: 401, title: 'Unauthorized', retry: false },
  invalid_credentials: { status: 401, title: 'Invalid credentials', retry: false },
  mfa_required: { status: 401, title: 'Second factor required', retry: false },
  invalid_code: { status: 401, title: 'Invalid code', retry: false },
  invalid_ticket: { status: 401, title: 'Invalid ticket', retry: false },
  forbidden: { status: 403, title: 'Forbidden', retry: false },
  step_up_required: { status: 403, title: 'Step-up required', retry: false },
  invalid_signature: { status: 403, title: 'Invalid signature', retry: false },
  not_found: { status: 404, title: 'Not found', retry: false },
  method_not_allowed: { status: 405, title: 'Method not allowed', retry: false },
  conflict: { status: 409, title: 'Conflict', retry: false },
  version_conflict: { status: 409, title: 'Version conflict', retry: false },
  idempotency_in_progress: { status: 409, title: 'Still running', retry: true },
  secret_already_shown: { status: 409, title: 'Secret already shown', retry: false },
  precondition_failed: { status: 412, title: 'Precondition failed', retry: false },
  payload_too_large: { status: 413, title: 'Payload too large', retry: false },
  unsupported_media_type: { status: 415, title: 'Unsupported media type', retry: false },
  validation_failed: { status: 422, title: 'Validation failed', retry: false },
  idempotency_mismatch: {
    status: 422,
    title: 'Idempotency key used for another request',
    retry: false,
  },
  upgrade_required: { status: 426, title: 'Upgrade required', retry: false },
  precondition_required: { status: 428, title: 'Precondition required', retry: false },
  too_many_requests: { status: 429, title: 'Too many requests', retry: true },
  too_many_attempts: { status: 429, title: 'Too many attempts', retry: true },
  internal_error: { status: 500, title: 'Internal error', retry: true },
  not_implemented: { status: 501, title: 'Not implemented', retry: false },
  upstream_failed: { status: 502, title: 'Upstream failed', retry: true },
  unavailable: { status: 503, title: 'Unavailable', retry: true },
  overloaded: { status: 503, title: 'Overloaded', retry: true },
  timeout: { status: 504, title: 'Timeout', retry: true },
  storage_full: { status: 507, title: 'Storage full', retry: true },
} as const satisfies Record<string, { status: number; title: string; retry: boolean }>

export type ErrorCode = keyof typeof errorCodes
export const ErrorCode = z.enum(Object.keys(errorCodes) as [ErrorCode, ...ErrorCode[]])

/** One bad field: where (RFC 6901 pointer into the body, or `query/limit`-like), what kind, what to do. */
export const FieldError = z.strictObject({
  pointer: z.string(),
  code: z.string(),
  detail: z.string(),
})
export type FieldError = z.infer<typeof FieldError>

/** `application/problem+json` (RFC 9457). */
export const Problem = z
  .looseObject({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: ErrorCode,
    requestId: z.string(),
    errors: z.array(FieldError).optional(),
  })
  .openapi('Problem')
export type Problem = z.infer<typeof Problem>

export const problemMediaType = 'application/problem+json'
