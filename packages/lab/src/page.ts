import type { LabCall } from './carrier/lab-call.ts'
import { descriptions } from './carrier/people.ts'

/** A call as `GET /calls` shows it. */
export function toShown(call: LabCall): object {
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  return {
    sid: call.sid,
    to: call.to,
    from: call.from,
    status: call.status,
    createdAt: time(call.createdAt),
    answeredAt: time(call.answeredAt),
    endedAt: time(call.endedAt),
    idempotencyToken: call.idempotencyToken,
    pendingWebhooks: call.deliveries.length,
    webhooks: call.told.map(({ status, answer, at }) => ({ status, answer, at: time(at) })),
  }
}

/** The lab's one page: who can be called, and what became of the calls. */
export function callsPage(calls: readonly LabCall[], gatewayUrl: string): string {
  const people = Object.entries(descriptions)
    .map(([number, does]) => `<tr><td>${number}</td><td>${does}</td></tr>`)
    .join('')
  const rows = calls
    .map(({ sid, from, to, status, createdAt, deliveries }) =>
      [new Date(createdAt).toISOString(), from, to, status, String(deliveries.length), sid]
        .map((cell) => `<td>${toHtml(cell)}</td>`)
        .join(''),
    )
    .map((cells) => `<tr>${cells}</tr>`)
    .join('')
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Lab: carrier</title>
<meta http-equiv="refresh" content="2"><style>body{font:15px system-ui;margin:2rem}td,th{padding:.2rem .8rem;text-align:left}</style>
</head><body><h1>The lab's carrier</h1><p>Plays the telephone network for ${toHtml(gatewayUrl)}.</p>
<h2>People</h2><table>${people}</table>
<h2>Calls</h2><table><tr><th>Created</th><th>From</th><th>To</th><th>Status</th><th>Webhooks waiting</th><th>Sid</th></tr>${rows}</table>
</body></html>`
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
}
const toHtml = (text: string): string => text.replaceAll(/[&<>"]/g, (char) => escapes[char] ?? char)
