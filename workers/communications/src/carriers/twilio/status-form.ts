import {
  type CarrierReport,
  type CarrierWebhook,
  carrierStatuses,
} from '@menagerie/durable-objects/call-room'
import { z } from 'zod'

/** SIP 603 Decline (RFC 3261 §21.6.2) and 607 Unwanted (RFC 8197): the callee said no. */
const DECLINED = new Set(['603', '607'])

/** The fields we read of a status callback; others are the carrier's own. */
const StatusForm = z.object({
  CallSid: z.string().regex(/^[A-Za-z0-9]{1,64}$/),
  CallStatus: z.enum(carrierStatuses),
  SequenceNumber: z.string().max(16).optional(),
  Timestamp: z.string().max(64).optional(),
  CallDuration: z.coerce.number().int().min(0).max(604_800).optional(),
  SipResponseCode: z.string().max(3).optional(),
})

/** What a status callback tells; the issues of its fields when it is none. */
export function readStatusForm(
  form: URLSearchParams,
): { ok: true; value: CarrierWebhook } | { ok: false; issues: z.core.$ZodIssue[] } {
  const parsed = StatusForm.safeParse(Object.fromEntries(form))
  if (!parsed.success) return { ok: false, issues: parsed.error.issues }
  const { CallSid, CallStatus, SequenceNumber, Timestamp, CallDuration, SipResponseCode } =
    parsed.data
  const report: CarrierReport = {
    callSid: CallSid,
    status: CallStatus,
    rejected: DECLINED.has(SipResponseCode ?? ''),
    durationSeconds: CallDuration ?? null,
  }
  return { ok: true, value: { report, sequence: SequenceNumber ?? Timestamp ?? '' } }
}
