import type { LabCall } from './lab-call.ts'

/** A call as the lab shows it to people and programs. */
export function toShown(call: LabCall): object {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  return {
    sid: call.sid,
    direction: call.direction === 'inbound' ? 'inbound' : 'outbound',
    to: call.to,
    from: call.from,
    status: call.status,
    createdAt: time(call.createdAt),
    answeredAt: time(call.answeredAt),
    endedAt: time(call.endedAt),
    idempotencyToken: call.idempotencyToken,
    /** The verb at which the call is, where its customer has said what to do. */
    doing:
      call.dial === null
        ? (call.script[0]?.type ?? null)
        : `${call.dial.kind === 'conference' ? 'conference' : 'dial'} ${call.dial.to}`,
    heard: call.heard,
    pendingWebhooks: call.deliveries.length,
    webhooks: call.told.map(({ status, answer, at }) => ({ status, answer, at: time(at) })),
  }
}
